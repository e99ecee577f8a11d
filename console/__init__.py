"""Messages as data, and what both command lines share: languages, errors, output, completion.

`text` is a message: a template and its arguments. `templates` holds those that travel between
programs, and `catalogue` finds them by id. `vocabulary` names what reports hold; `component_key`
and `part_key` are the grammars of the two keys of a report that hold more than one word. `program`
runs a command line and ends every call; `failure` is an error with its four parts, `output` prints
results as text or JSON, `completion` and `shells` complete commands in shells. `language` and
`localized` say everything in the reader's language; `wrapping` breaks lines of both. `nearest`
finds what a misspelt name means; `name` is the rule of a name that travels.

May be imported by `gateway` and `portal`; of it, `text`, `templates`, `catalogue`, `name` and
`nearest` may be imported by `config`, `protocols`, `drivers`, `cloud_link` and `provisioning`, too,
and `component_key` and `part_key` by `drivers`. Imports nothing of the project.
"""
