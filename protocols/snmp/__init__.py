"""SNMP v1, v2c and v3: an agent's tables and variables, recordings and a simulator.

`agent` is what a driver asks, in terms of `model`: targets, users, versions, values. `community`
speaks v1 and v2c over `ber`, `v3` wraps the library that speaks v3, and `failures` holds the errors
of both. `snmprec` and `replay` read recorded walks; `simulator` answers like a printer.

May be imported by `drivers.printer` and `drivers.replay`, except `ber`, `community`, `failures` and
`v3`, which are private.
"""
