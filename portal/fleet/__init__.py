"""Sites, gateways, boxes and devices: what an organization owns and what state it is in.

`models` is what is stored and `actions` is what people do to it; the ingest applies what boxes
report. `heartbeat` says how long a gateway's values stand, `kinds` and `words` what a device is,
`provisioning` makes what a new box needs, and `group_pages` are the pages of device groups.

May be imported by every app above it.
"""
