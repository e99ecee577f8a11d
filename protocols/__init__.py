"""How bytes travel: lines, Modbus and SNMP.

`line` schedules requests on a shared line; `tcp_line` and `serial_line` carry them; `serial_format`
and `delays` say what a request costs. ``modbus`` and ``snmp`` hold one protocol each. `errors` is
the tree of everything that can go wrong; `fakes` ships the wires that tests use.

May be imported by `drivers` and everything above it. Imports nothing of the project.
"""
