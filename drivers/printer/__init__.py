"""Printers: the model of RFC 3805, shared by every way to ask a printer.

`alerts`, `subunits`, `supplies`, `counters` and `identity` turn tables of the Printer MIB into the
vocabulary of `drivers.report`; `conditions` merges what they find. ``severity`` says how severe a
finding is. ``snmp`` asks over SNMP.

May be imported by the table of drivers, the words of both programs, `scripts` and tests.
"""
