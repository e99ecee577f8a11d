"""Django's backend for SQLite, whose files only their owner can read; Django loads `base`.

May be imported by Django, which `portal.environment.database_url` names it to.
"""
