"""The control socket: how the command line asks the running daemon.

`server` serves the socket, `client` is the other side, `commands` holds the methods. `bus_stats`,
`explain`, `writing` and `audit` do the work of single methods.

`client` may be imported by the command line; the rest by `gateway.daemon`.
"""
