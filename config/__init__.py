"""The configuration of a gateway: its model, how it is read, where it is kept, and its secrets.

`model` is what a configuration holds, with `ratio` for its transformers and `time_zone` for its
site; they are pure. `yaml_source` parses a file, `constraint` and `reading` turn it into the model,
and `finding` says what is wrong with it and where. `store` keeps the running one and the last good
one, `secrets` the values that it refers to, both through `disk`; `schema` is its JSON Schema.

May be imported by `drivers`, `cloud_link`, `provisioning` and `gateway`; `portal` may import
`model` and `time_zone`. Of the project, it imports only
`console.nearest`.
"""
