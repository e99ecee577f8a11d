"""What Prometheus may read of the gateway; loaded only where the configuration turns it on.

`table` lists every metric, `samples` takes their values from what the daemon hands it, `exposition`
formats them, and `endpoint` serves them through `server`.

May be imported by `gateway.daemon`.
"""
