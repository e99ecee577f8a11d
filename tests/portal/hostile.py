"""Values that a database can hold and no honest gateway sends, put into every column."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.db.models import Value

if TYPE_CHECKING:
    from random import Random

APPS: Final = ("fleet", "ingest", "simulation")
ZONES: Final = (
    "Asia/Tokyo",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "No/Such_Zone",
    "",
)
_LEAST, _MOST = -(2**63), 2**63 - 1
_DOCUMENTS: Final = (
    '{"gateway": {"heartbeat_s": 1e999, "health_s": -5}}',
    '{"gateway": {"heartbeat_s": 99999999999999999999999, "health_s": true}, "devices": [5]}',
    "[" * 100_000,
    '{"devices": [{"name": [], "url": {}}]}',
)
_TEXTS: Final = ("", "\u202e<b>&\"'", "never", "service_call", "=cmd()", "７７" * 200, "x" * 5000)


def hostile_values(field: models.Field[Any, Any]) -> tuple[Any, ...]:
    """What to put into a column; nothing for a key or a column that says who owns a row."""
    by_type: list[tuple[type[models.Field[Any, Any]], tuple[Any, ...]]] = [
        (models.AutoField, ()),
        (models.DateTimeField, _moments()),
        (models.BigIntegerField, (_LEAST, _MOST, 0, -1)),
        (models.PositiveIntegerField, (0, 2**31 - 1)),
        (models.SmallIntegerField, (-(2**15), 2**15 - 1, 0, 3)),
        (models.BooleanField, (True, False)),
        (models.BinaryField, (b"", b"\xff" * 8)),
        (models.JSONField, _documents(field)),
    ]
    if field.is_relation or field.primary_key:
        return ()
    nothing = (None,) if field.null else ()
    if field.name == "time_zone":
        return ZONES
    if field.name == "document" and isinstance(field, models.TextField):
        return _DOCUMENTS
    for kind, values in by_type:
        if isinstance(field, kind):
            return (*values, *nothing)
    if isinstance(field, models.CharField | models.TextField):
        return (*(text[: field.max_length or 5000] for text in _TEXTS), *nothing)
    return ()


def _moments() -> tuple[datetime, ...]:
    return (
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, 13, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 10, tzinfo=UTC),
    )


def _documents(field: models.Field[Any, Any]) -> tuple[Any, ...]:
    found: tuple[Any, ...] = (
        [],
        {},
        [1, "x", None, [2]],
        [{"kind": [], "meaning_args": 3}, {"kind": "snmp", "meaning_id": "condition.media_jam"}],
        {"seconds": 1e300, "": {"id": 5}},
        2**70,
        "words",
    )
    return (*found, Value(None, models.JSONField())) if field.name != "ranges" else ([],)


def put_hostile_values(random: Random) -> list[str]:
    """Put a value of `hostile_values` into a part of all columns; what was put where.

    Where a column cannot hold it in every row, it is put into one row; else it is left out.
    """
    done = []
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            for field in model._meta.concrete_fields:
                values = hostile_values(field)
                if values and random.random() < 0.4:
                    value = random.choice(values)
                    if _put(model, field.name, value):
                        done.append(f"{model.__name__}.{field.name} = {str(value)[:40]}")
    return done


def _put(model: type[models.Model], name: str, value: Any) -> bool:
    rows = model._default_manager.order_by("pk")
    for chosen in (rows.all(), rows.filter(pk=last.pk) if (last := rows.last()) else rows.none()):
        try:
            with transaction.atomic():
                return bool(chosen.update(**{name: value}))
        except DatabaseError:
            continue
    return False
