"""The portal: the Django site that customers and dealers see, and the worker that fills it.

`settings`, `urls`, `wsgi` and ``cli`` (the command ``kanmon-portal``) are the project;
`environment` reads what the machine says; `permissions` says who may open which URL. Each app owns
its models: ``accounts`` people and organizations, ``fleet`` sites, gateways and devices,
``authority`` certificates and agent keys, ``ingest`` what the gateways sent. ``monitoring`` and
``usage`` are pages; ``web`` is what all pages are made with; ``broker`` keeps Mosquitto's files.

Imported by no other package. Of the gateway's packages it imports only what the contract in
``pyproject.toml`` names.
"""
