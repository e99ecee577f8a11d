"""Installing the gateway as a systemd service.

`service` installs and removes it, `unit` writes its unit file, `machine` is what they need of the
machine (with a fake beside it in `fakes`), and `privileges` runs a command as the owner of the
state folder.

May be imported by the command line.
"""
