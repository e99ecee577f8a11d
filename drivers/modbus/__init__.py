"""Devices that speak Modbus: profiles as data, and the driver that executes them.

`kind` knows the URL schemes, `driver` reads one device. `profile` is the model of a profile,
`profile_loader` reads it from YAML, `profile_store` has those that were loaded. `read_plan` and
`bisect` decide which registers are read, `bus_load` how long that takes; `decode`, `conversion`,
`encoding` and `status` turn registers into readings, states, conditions and identity; `writing`
writes settings.

`drivers.registry` may import `kind`, and `gateway.configuration.loader` the profiles; the rest is
for this package, `scripts` and tests.
"""
