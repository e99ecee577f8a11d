"""The operator's configuration: its settings, files, secrets and findings.

`model` holds the settings and is pure; `reading` validates a file against it; `store` keeps the
running file, `secrets` the secrets, and `finding` is what every check reports.

May be imported by every package of the gateway except `protocols`; `portal` may import `model`.
Imports nothing of Kanmon.
"""
