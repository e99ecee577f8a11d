"""What the devices are doing: the first page, lists, the pages of sites, gateways and devices.

`views` and `list_views` answer; `overview`, `device`, `lists`, `operation`, `readings`,
`series_chart` and `supplies` say what they show; `connectivity` and `heartbeat` say how current it
is.

May be imported by `portal.usage` and `portal.simulation`. Imports `fleet`, `ingest` and `web`.
"""
