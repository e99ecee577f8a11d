"""Sites, gateways, boxes and devices: what an organization owns and what state it is in.

`models` is what is kept, `actions` is what a person does to it; the ingest applies what the boxes
report.
"""
