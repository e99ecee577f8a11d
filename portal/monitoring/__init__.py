"""What the devices are doing: the first page, lists, the pages of sites, gateways and devices.

`views`, `list_views`, `operation_views` and `device_edit` answer requests; `overview`, `device`,
`lists`, `operation`, `printers`, `readings`, `series_chart` and `supplies` say what the pages show.
`device_status` says in SQL what is known of each device, `tally` counts by it, and `device_rows`
fetches what a row shows; `device_kind` says what a device is, and `connectivity` whether it can be
reached. `metrics` counts for Prometheus.

May be imported by `portal.urls`.
"""
