"""How bytes travel: lines, Modbus and SNMP.

`line` schedules transactions on a shared line, with the pauses of `timing`; `tcp_line` and
`serial_line` carry them; `serial_format` is a line's speed and character, `delays` learns how long
devices take, `presence` finds out whether somebody is at an address. ``modbus`` and ``snmp`` hold
one protocol each. `errors` is the tree of everything that can go wrong.

May be imported by `drivers` and `gateway`. Imports nothing of the project.
"""
