"""The portal's own certificate authority, and the agent keys by which boxes claim their place.

`models` is what is kept in the database, `roots` and `files` what is kept on disk; `certificates`
makes certificates and lists, and is pure. `actions` and `keys` are what an operator does. `claims`
checks a box's claim, rule by rule, and `views` is the address that boxes call; `claim_certificate`,
`claim_worker` and `server_identity` serve it, as `portal.serving` does. `expiry`
says what expires soon and `expiry_notices` whom pages show it to. `key_pages` and `code_pages` are
pages.

May be imported by every app above it, and by `portal.server`.
"""
