"""What devices mean: the vocabulary of reports, the drivers, and the profiles that drive them.

`report` and `quantity` are the vocabulary that every part of Kanmon speaks. `driver` is the
contract that a driver fulfils. ``modbus`` executes YAML profiles (``profiles/``), ``printer`` reads
printers. `installation` holds transformer ratios and direction, `replay` runs a driver against a
recording.

May be imported by `cloud_link`, `provisioning` and `gateway`; `portal` may import `report` only.
Imports `protocols` and `config`.
"""
