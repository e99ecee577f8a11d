"""SNMP v1, v2c and v3: an agent's tables and variables, recordings and a simulator.

`agent` is what a driver asks. `community` speaks v1 and v2c over `ber`, `v3` wraps the library
that speaks v3, and `failures` names what went wrong for both. `snmprec` and `replay` read recorded
walks; `simulator` answers like a printer.

May be imported by `drivers.printer.snmp`, `scripts` and tests.
"""
