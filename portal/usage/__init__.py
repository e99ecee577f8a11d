"""What was used, by hour, day and month: from counters to figures, pages and CSV.

`counting`, `periods`, `measures` and `bars` are pure; `readings` is the only module that queries
samples.

May be imported by `portal.monitoring`. Imports `simulation`, `ingest`, `fleet` and `web`.
"""
