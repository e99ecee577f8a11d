"""Installing the gateway as a systemd service.

`service` plans the steps that copy the files of ``files/`` and remove them, `preconditions` refuses
what could not work, and `service_status` reads how the service is. `machine` is what they need of
the machine, and `privileges` runs a command with the rights of the owner of the state folder.

May be imported by `gateway.cli`.
"""
