"""Printers over SNMP (RFC 3805, RFC 2790): URLs, variables and the driver.

`kind` knows the URL scheme, `driver` reads one printer, `variables` lists what is asked for beside
the tables of `drivers.printer.mib`, and `poll_groups` says how often.

May be imported by `drivers.registry`.
"""
