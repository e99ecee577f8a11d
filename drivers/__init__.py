"""What devices mean: the vocabulary of reports, the drivers, and the profiles that drive them.

`report`, `condition` and `quantity` are the vocabulary that every part of Kanmon speaks;
`report_json` writes a report, `report_reader` reads it, `report_schema` describes it. `driver`
holds the contracts of drivers and names no family; `registry` is the table of kinds by URL scheme,
and the only module that imports kinds. `context` and `lines` are what a driver is given: the pool
of open lines, the clock, profiles, secrets. `bus_load` and `setting` describe any device;
`device_url` takes URLs apart, `installation` holds transformer ratios and direction, and `replay`
runs a driver on a recording. ``modbus`` executes YAML profiles (``profiles/``), ``printer`` reads
printers.

May be imported by `cloud_link`, `provisioning` and `gateway`; `portal` may import `report` and what
that is made of.
"""
