"""MQTT 5 and 3.1.1 over asyncio, with a reason code for each publish (ADR 0002).

Offers `connect`, which opens a session, `session`, which publishes, subscribes and receives, and
`broker`, which says where the broker is and what can go wrong with it. `loop`, `paho_client`
and `receive_window` are private to this package.

May be imported by `cloud_link.uplink`, `gateway.link`, `portal.ingest` and `portal.broker`;
`broker` by `provisioning.enrol`, too.
"""
