"""MQTT 5 and 3.1.1 over asyncio, with a reason code for each publish (ADR 0002).

Offers `connect`, which opens a session, and `broker`, which says where the broker is. `session`,
`loop` and `paho_client` are its parts and private to it.

May be imported by `cloud_link.uplink`, `gateway`, `portal.ingest` and `portal.broker`.
"""
