"""The portal: the Django site that customers and dealers see, and the worker that fills it.

`settings`, `urls`, `wsgi`, `server` and ``cli`` (the command ``kanmon-portal``) are the project;
`environment` reads what the machine says; `permissions` says who may open which URL.

Each app sees only the apps below it; `tests/portal/test_app_order.py` holds templates to it too::

    monitoring              what the devices are doing: the first page, lists, each page of a thing
    usage                   what was used: from counters to figures, pages and files
    simulation              the demonstration's strip, and marks on history that was made up
    broker  ingest          Mosquitto's files; what the gateways sent, from messages to rows
    authority               certificates, agent keys and claims, and their pages
    fleet                   sites, gateways, boxes, devices and groups
    accounts                people, organizations and memberships
    web  metrics            what every page is made with; what Prometheus reads

Imported by no other package. Of the gateway's packages it imports only what the contract in
``pyproject.toml`` names.
"""
