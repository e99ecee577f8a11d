"""When devices are read: schedules, isolation on shared lines, and what is known of each device.

`poller` holds the lines, `line_poller` runs one and `poll_queue` chooses its next device;
`schedule` says when a device is due, `backoff` how long it is left alone while it does not answer,
`polled_device` is one device in a line's schedule. `configured` brings the configured devices to
the poller. `device_state` turns what a driver saw into a report, `devices` opens drivers from the
configuration, and `line_budget` predicts how busy a line is.

May be imported by `gateway.daemon`, `gateway.control`, `gateway.metrics`, `gateway.configuration`,
`gateway.health` and `gateway.cli`.
"""
