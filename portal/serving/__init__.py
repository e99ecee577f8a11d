"""How the portal's web servers hold connections: no peer, however slow, holds a thread.

`reception` is a loop that holds all connections; `connection` is one of them, `request_buffer`
finds the end of its request, and `connection_shares` decides who makes room. `worker` is a gunicorn
worker of all that: threads run the application, on requests that are in memory.

It knows no application. May be imported by `portal.authority` and `portal.server`.
"""
