"""``kanmon``: the gateway's command line, one file a command group.

`main` lists the groups, `common` holds what all commands share.

Imported by no other package.
"""
