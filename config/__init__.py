"""The configuration of a gateway: its model, how it is read, where it is kept, and its secrets.

`model` is what a configuration holds, with `ratio` for its transformers and `time_zone` for its
site; they are pure. `yaml_source` parses a file; where it cannot, `yaml_faults`, `yaml_block` and
`yaml_flow` find where the fault began, with `yaml_text` for positions and encodings and
`look_alike` for what an input method writes. `constraint` and `reading` turn the values into the
model, `setting_faults` says what is wrong with one of them, and `finding` holds that with its
place. `store` keeps the running configuration and the last good one, `secrets` the values that it
refers to, both through `disk`; `schema` is its JSON Schema. `private` closes folders and databases
that other accounts could read.

May be imported by `drivers`, `cloud_link`, `provisioning` and `gateway`; `portal` may import
`model`, `private` and `time_zone`. Of the project, it imports only `console.nearest`,
`console.text`, `console.catalogue` and `console.templates`.
"""
