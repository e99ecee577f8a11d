"""Printers by the Printer MIB: what their tables say, and the driver that asks for them.

``kind`` knows the URLs, ``driver`` asks, ``tables`` names what is asked; all else is pure: from
rows to identity, counters, supplies, and troubles that ``conditions`` makes a set of.
"""
