"""The control socket: how the command line asks the running daemon.

`protocol` encodes both directions (JSON-RPC 2.0), `server` serves the socket and `client` asks.
`commands` is the table of methods, which `status`, `device_commands` and `configuration_commands`
hold; each of these says what it reads of the daemon, and `gateway.daemon` hands it that.
`bus_stats`, `explain` (with `next_steps`), `writing` and `audit` do the work of single methods;
`unknown_device` is what is said of a device's name that nothing has.

May be imported by `gateway.daemon`, `gateway.metrics` and `gateway.cli`.
"""
