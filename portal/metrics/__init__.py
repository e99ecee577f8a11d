"""What Prometheus may read of the portal; loaded only where the environment turns it on.

`table` documents every metric, `requests` measures requests, and `registry` holds what a process
with pages has measured. `endpoint` is the application that Prometheus reads, behind its token:
`views` answers with it, and `server` serves it for a process without pages. What is counted is the
apps' own: `portal.monitoring.metrics` and `portal.ingest.metrics`.

May be imported by every app, and by `portal.urls`.
"""
