"""What both command lines share: languages, errors, output, completion and manual pages.

`program` runs a command line and ends every call; `failure` is an error with its four parts,
`output` prints results as text or JSON, `completion` completes commands in shells. `language`,
`catalogue`, `patterns` and `localized` say everything in the reader's language; `wrapping` breaks
lines of both. `nearest` finds what a misspelt name means.

May be imported by `gateway.cli`, `portal.cli`, `portal.web` and `portal.monitoring`; `nearest` by
`config` and `drivers`, too. Imports nothing of the project.
"""
