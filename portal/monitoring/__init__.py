"""What the devices are doing: the first page, lists, the pages of sites, gateways and devices.

`views`, `list_views`, `operation_views` and `device_edit` answer requests; `overview`, `device`,
`lists`, `operation`, `readings`, `series_chart` and `supplies` say what the pages show,
`device_kind` what a device is, and `connectivity` whether it can be reached. `metrics` counts the
same for Prometheus.

May be imported by `portal.urls`.
"""
