"""From what boxes publish to rows: every accepted record stored exactly once, then acknowledged.

`store.ingest` is one transaction; `worker` feeds it from MQTT. The other modules are its parts:
`messages` decodes them, `transaction` stores them, `receipts` decides what is new, `tables`,
`clocks`, `samples`, `events` and `announcements` apply it, `answers` says so to the box.
"""
