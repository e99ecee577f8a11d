"""The spool: every accepted record, on disk until the portal answers that it has it.

Offers `spool` (the file and its transactions), `writer` (the same from asyncio, with grouped
commits) and `model` (entries, limits, statistics, errors). Its parts are private: `database`
and `schema` (SQLite), `records` (the table of records), `losses` (what is dropped at the byte cap),
`gaps` (the gap records for it), `acks` (what an acknowledgement settles), `recovery` (a damaged
file) and `folder` (files on disk, and the reserve file).

May be imported by `cloud_link.uplink` and `gateway`.
"""
