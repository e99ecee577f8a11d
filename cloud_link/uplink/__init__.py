"""The uplink: sends the spool's records and settles them by the portal's acknowledgements.

Offers `uplink` (runs until cancelled, reconnects) and `flow` (its limits). `session` and `window`
are its parts and private to it.

May be imported by `gateway`.
"""
