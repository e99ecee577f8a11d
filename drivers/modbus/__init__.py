"""Devices that speak Modbus: profiles as data, and the driver that executes them.

`kind` knows the URL schemes, `driver` reads one device, `bus_load` says what that takes. `profile`
is the model of a profile, `profile_loader` reads it from YAML with `profile_errors`, and
`profile_store` finds it by name. `read_plan` decides which registers one request reads, `bisect`
finds out which of them a device lacks. `decode` unpacks a read; `encoding` names data types
and word orders, and `conversion` applies them with scales and ranges; `status` makes identity,
states and conditions. `writing` writes settings.

May be imported by `drivers.registry`, and its profiles by `gateway.configuration`, which loads
them.
"""
