"""The demonstration's side of the portal: the strip that breaks something, and marks on history.

Without ``KANMON_SIMULATION`` the strip is in no page and its addresses answer 404.

May be imported by `portal.usage` and `portal.monitoring`.
"""
