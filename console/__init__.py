"""The parts of a command line that `kanmon` and `kanmon-portal` share.

`language` translates, `output` prints, `failure` shows errors, `program` runs a command line and
`completion` makes shell completion scripts. `catalogue` and `patterns` read the translations;
`localized` and `wrapping` show click's help in the language in use.

May be imported by `gateway` and `portal`. Imports nothing of Kanmon.
"""
