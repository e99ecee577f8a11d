"""The way to the portal and back: topics, the wire format, the spool, MQTT, the uplink.

``topics`` and ``wire`` are pure and shared with the portal. ``spool`` keeps every accepted
record on disk until the portal has it. ``mqtt`` is asyncio over paho, for gateway and portal
alike. ``uplink`` drains the spool and deletes on the portal's word only.
"""
