"""The way to the portal: topics, the wire, the spool, MQTT and the uplink.

`topics`, `wire`, `records` and `columns` describe what travels, and `ranges` computes with ranges
of sequence numbers; they are pure, and both sides import them. ``spool`` keeps what was accepted,
``mqtt`` is the asyncio layer over paho-mqtt, and ``uplink`` sends the spool's records and settles
them with the portal's acknowledgements.

May be imported by `provisioning` and `gateway`; `portal` may import `topics`, `wire`, `records`,
`columns`, `ranges` and, in `portal.ingest` and `portal.broker`, `mqtt`.
"""
