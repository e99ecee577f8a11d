"""Django's backend for SQLite, whose files only their owner can read; Django loads `base`."""
