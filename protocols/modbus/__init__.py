"""Modbus over TCP, RTU and RTU over TCP: frames, read plans, captures and a simulator.

`unit` is the client of one unit id. `pdu`, `mbap` and `rtu` encode and decode frames and are pure;
`rtu_timing` says how long RTU takes, and `planner` which registers one request reads. `capture`
records a line and `replay` replays a capture; `simulator` answers like a device.

May be imported by `drivers.modbus` and `drivers.replay`; other families use `protocols.line`.
"""
