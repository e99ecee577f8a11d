"""The audit log: who did what, acting for whom, when, and what it changed. Append-only.

`record` is what every action calls, `models` is what is stored, and `chain` says how entries are
chained and how names can be erased without breaking a chain.

May be imported by every app above it; it imports no model of another app.
"""
