"""What ``scripts/bench`` measures: one figure, or a few that belong together, a module.

Each module has ``measure(scale)``, where a scale of 1 is the real measurement and a small one only
shows that it runs, and returns `figures.Figure` values. Nothing here is a test of speed: figures
are ratios or per-CPU-second, printed and written down, never asserted.
"""
