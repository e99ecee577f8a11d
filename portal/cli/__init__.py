"""``kanmon-portal``: the portal's command line, one file a command group.

`main` lists the commands, `common` holds what all of them share, and each other module is one group
or command.

Imported by no other package.
"""
