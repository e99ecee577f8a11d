"""``python -m portal.cli``: the same as ``kanmon-portal``."""

from portal.cli.main import main

main()
