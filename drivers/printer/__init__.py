"""Printers: the model of RFC 3805, shared by every way to ask a printer.

`mib` holds the tables of the Printer MIB. `alerts`, `subunits`, `supplies`, `counters` and
`identity` turn their rows into the vocabulary of `drivers.report`; `conditions` merges the faults
that they find (`finding`). ``severity`` says how severe a fault is. ``snmp`` asks over SNMP.

May be imported by its own folders, `scripts` and tests.
"""
