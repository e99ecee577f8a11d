"""From a report to records in the spool.

`change_filter` decides what is worth sending, `midnight` adds the readings at the site's midnight,
`gateway_records` makes the records that describe the gateway, `clock_watch` those about its clock,
and `intake` brings the devices' into the spool.

May be imported by `gateway.daemon`, `gateway.configuration` and `gateway.control`.
"""
