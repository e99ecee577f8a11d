"""Installing the gateway as a systemd service.

`service` plans the steps that install and remove it, `preconditions` refuses what could not work,
`service_status` reads how the service is, and `unit` writes its unit file. `machine` is what they
need of the machine (with a fake beside it in `fakes`), and `privileges` runs a command with the
rights of the owner of the state folder.

May be imported by `gateway.cli`.
"""
