"""Printers over SNMP (RFC 3805, RFC 2790): URLs, tables and the driver.

`kind` knows the URL scheme, `driver` reads one printer, `tables` lists the columns that are asked
for, and `poll_groups` says how often.

May be imported by the table of drivers, `scripts` and tests.
"""
