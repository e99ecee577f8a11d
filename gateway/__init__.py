"""The gateway's daemon and its command line.

`daemon` builds the parts and wires them. Readings flow from ``polling`` through ``intake`` into the
spool, and ``link`` carries them to the portal. ``health`` reports on the gateway itself,
``configuration`` loads and checks files, ``control`` serves the command line, ``metrics`` serves
Prometheus, ``install`` manages the systemd service, and ``cli`` is ``kanmon``.

Imported by no other package.
"""
