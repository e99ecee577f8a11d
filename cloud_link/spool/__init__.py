"""The spool: every accepted record, on disk until the portal answers that it has it.

Offers `spool` (the file and its transactions), `writer` (the same from asyncio, with grouped
commits) and `model` (entries, limits, statistics, errors). `database`, `schema`, `records`,
`losses`, `gaps`, `acks`, `recovery` and `folder` are its parts and private to it.

May be imported by `cloud_link.uplink` and `gateway`.
"""
