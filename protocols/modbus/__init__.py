"""Modbus over TCP, RTU and RTU over TCP: frames, read plans, recordings and a simulator.

`unit` is the client of one unit id. `pdu`, `mbap` and `rtu` encode and decode frames and are pure;
`planner` decides which registers one request reads. `capture` records a line and replays a
recording; `simulator` answers like a device.

May be imported by `drivers.modbus.kind`, `scripts` and tests; other families use `protocols.line`.
"""
