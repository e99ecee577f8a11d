"""The box's identity: the agent key, the claim, the certificate and the box id.

`agent_key`, `claim` and `codes` are what both sides read. `enrol` runs an enrolment: it makes the
key (`box_key`), claims through `claim_client` and keeps the result in `enrolment_store`; `identity`
names the box, `state_folder` closes the folder of it all, and `file_permissions` refuses files that
others may read or replace.

May be imported by `gateway`; `portal` may import `agent_key`, `claim` and `codes`.
"""
