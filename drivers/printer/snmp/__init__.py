"""Printers over SNMP (RFC 3805, RFC 2790): URLs, tables and the driver.

`kind` knows the URL scheme, `driver` reads one printer, `tables` lists the variables that are asked
for beside the tables, and `poll_groups` says how often.

`drivers.registry` may import `kind`; the rest is for this package, `scripts` and tests.
"""
