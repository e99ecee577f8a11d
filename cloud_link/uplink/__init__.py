"""The uplink: sends the spool's records and settles them by the portal's acknowledgements.

Offers `uplink`, which runs until cancelled and reconnects, and `model`: limits, connection
settings, what is said of the box, and the state. `session`, `window` and `flow` are private to this
package.

May be imported by `gateway.link`.
"""
