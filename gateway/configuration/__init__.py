"""Loading and checking the configuration.

`loader` reads files in a process of its own, so that the daemon loads no validator (ADR 0007);
`running` holds what runs, and replaces it; `checks` finds what a file alone cannot show: missing
drivers, profiles and secrets, and lines that are too busy.

May be imported by `gateway.daemon`, `gateway.control` and `gateway.cli`.
"""
