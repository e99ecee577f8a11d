"""The gateway's reports about itself, and its notifications to the service manager.

`health` makes the report, `reporter` as often as configured, `spool_stats` its figures about the
spool. `watchdog` notifies systemd while the gateway makes progress, through `sd_notify`.

May be imported by `gateway.daemon`, `gateway.control`, `gateway.metrics` and `gateway.cli`.
"""
