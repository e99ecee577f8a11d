"""The gateway's connection to the portal, as configured or as enrolled.

`broker_target` finds the broker, `link` runs the uplink to it and restarts it after a change, and
`certificate` says how long the box's certificate is valid.

May be imported by `gateway.daemon`, `gateway.control`, `gateway.configuration` and
`gateway.health`.
"""
