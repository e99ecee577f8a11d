"""The portal: the Django site that customers and dealers see, and the worker that fills it.

``settings``, ``urls``, ``wsgi`` and ``cli`` (the command `kanmon-portal`) are the project;
``environment`` reads what the machine says; ``permissions`` says who may open which URL.
The apps own their models: `portal.accounts` people, `portal.fleet` sites, gateways and devices,
`portal.ingest` what the gateways sent, `portal.web` the pages.
"""
