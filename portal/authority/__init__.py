"""The portal's own certificate authority, and the agent keys by which boxes claim their place.

`models` is what is kept in the database, `roots` what is kept in files, `certificates` the pure
making of certificates and lists; `actions` and `keys` are what an operator does, `claims` what a
box asks, `commands` the command line of all this.
"""
