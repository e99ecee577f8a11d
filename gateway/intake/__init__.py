"""From a report to records in the spool.

`change_filter` decides what is worth sending, `midnight` adds the readings at the site's midnight,
`records` makes the records that describe the gateway, and `intake` brings all of them into the
spool.

May be imported by `gateway.daemon`.
"""
