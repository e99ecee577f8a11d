"""Triggers that keep the audit log append-only, whoever writes to the database.

SQLite has no BEFORE trigger on REPLACE, which deletes without firing one: an INSERT that meets a
row that is there is refused, too. A head moves on by one; it never goes back.
"""

from django.db import migrations

_KEPT = ("id", "chain", "commitment", "role", "kind", "thing_id")
_ERASURE = " AND ".join(
    [
        "OLD.erased_at_ms IS NULL",
        "NEW.erased_at_ms IS NOT NULL",
        "NEW.salt = ''",
        "NEW.text = ''",
        *(f"NEW.{name} = OLD.{name}" for name in _KEPT),
    ]
)
_STEP = "NEW.chain = OLD.chain AND NEW.sequence = OLD.sequence + 1"
_MESSAGE = "the audit log is append-only"

TABLES = {
    "audit_entry": ("", "id = NEW.id OR (chain = NEW.chain AND sequence = NEW.sequence)"),
    "audit_detail": (
        _ERASURE,
        "id = NEW.id OR (chain = NEW.chain AND commitment = NEW.commitment)",
    ),
    "audit_head": (_STEP, "chain = NEW.chain"),
}
"""Each table, with the one update that is allowed and the row that an insert would replace."""

_SQLITE = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN NOT ({allowed})
BEGIN SELECT RAISE(ABORT, '{message}'); END;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{message}'); END;
CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})
BEGIN SELECT RAISE(ABORT, '{message}'); END;
"""
_POSTGRESQL = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW WHEN (NOT ({allowed}))
EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW
EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT
EXECUTE FUNCTION audit_refuse();
"""
_FUNCTION = f"""
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{_MESSAGE}'; END $$;
"""


def create(apps, schema_editor):
    sqlite = schema_editor.connection.vendor == "sqlite"
    false = "0" if sqlite else "FALSE"
    if not sqlite:
        schema_editor.execute(_FUNCTION)
    for table, (allowed, same) in TABLES.items():
        text = (_SQLITE if sqlite else _POSTGRESQL).format(
            table=table, allowed=allowed or false, same=same, message=_MESSAGE
        )
        # One statement at a time: SQLite's driver takes no more.
        for statement in text.strip().split(";\nCREATE"):
            whole = statement if statement.startswith("CREATE") else f"CREATE{statement}"
            schema_editor.execute(whole.rstrip(";") + (";" if sqlite else ""))


def drop(apps, schema_editor):
    sqlite = schema_editor.connection.vendor == "sqlite"
    for table in TABLES:
        for name in ("update", "delete", "replace" if sqlite else "truncate"):
            on = "" if sqlite else f" ON {table}"
            schema_editor.execute(f"DROP TRIGGER {table}_no_{name}{on}")
    if not sqlite:
        schema_editor.execute("DROP FUNCTION audit_refuse()")


class Migration(migrations.Migration):

    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
