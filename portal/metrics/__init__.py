"""What Prometheus may read of the portal; loaded only where the environment turns it on.

`table` documents every metric, `requests` measures requests, `page` writes the page that `views`
answers with, and `server` serves the metrics of a process without pages. What is counted is the
apps' own: `portal.monitoring.metrics` and `portal.ingest.metrics`.

May be imported by every app, and by `portal.urls`.
"""
