"""The broker's configuration, which the portal writes, checks and maintains.

`configuration` says what the files hold, `folder` writes them, `inspection` looks at them and at
the broker that runs, `reloading` brings new revocations to it, `takeover` ends open sessions, and
`maintenance` does all of it until stopped.

May be imported by `portal.cli`.
"""
