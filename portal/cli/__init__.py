"""``kanmon-portal``: the portal's command line, one file a command group.

`main` lists the groups, `common` holds what all commands share, `authority` and `broker` are groups
of their own. Imported by no other module.
"""
