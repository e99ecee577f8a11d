"""Devices that speak Modbus: profiles as data, and the driver that executes them.

`kind` knows the URL schemes, `driver` reads one device. `profile` is the model of a profile,
`profile_loader` reads it from YAML, `profile_store` finds it by name. `read_plan` and `bisect`
decide which registers are read; `decode`, `conversion`, `encoding` and `status` turn registers into
readings, states, conditions and identity; `writing` writes settings.

May be imported by the table of drivers, `gateway`, `scripts` and tests.
"""
