"""From what boxes publish to rows: every accepted record stored exactly once, then acknowledged.

`worker` receives from MQTT and feeds `store.ingest`, and `fault_log` logs what boxes do wrong;
`messages` decodes them, `transaction` stores them in one transaction: `receipts` decides what is
new, `tables`, `clocks`, `samples`, `events` and `announcements` apply it, `pending` keeps what
waits for a clock, `rejections` puts into quarantine what is at fault, and `answers` acknowledges it
after the commit. `models` holds the rows, `sql` what differs between databases, `ledger` counts
what was accepted against what is stored, and `tally` and `metrics` count for Prometheus.

May be imported by every app above it.
"""
