from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.conf import settings as conf
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.templates import audit
from portal.accounts.models import User
from portal.audit import anchors, record
from portal.audit.chain import FIRST, HASHED, entry_hash, new_salt
from portal.audit.erasure import erase_names
from portal.audit.models import Detail, Entry, Head
from portal.audit.verification import chains, missing_triggers, verify
from tests.portal.audit.conftest import CHAIN, OTHER, keep_heads
from tests.portal.audit.triggers import without_triggers

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.audit.findings import Finding

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LENGTH: Final = 8
Rows = list[dict[str, Any]]


def _entries() -> Rows:
    return [{**row} for row in Entry.objects.filter(chain=CHAIN).order_by("sequence").values()]


def _stored() -> list[Rows]:
    found = [model._default_manager.order_by("pk").values() for model in (Entry, Detail, Head)]
    return [[{**row} for row in rows] for rows in found]


def _sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _put(rows: Rows) -> None:
    """Put these in the place of the chain's entries."""
    _sql("DELETE FROM audit_entry WHERE chain = %s", CHAIN)
    for row in rows:
        _sql(
            f"INSERT INTO audit_entry ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
            *row.values(),
        )


def _chained(rows: Rows) -> Rows:
    """The same, numbered and hashed as a chain is: what an attacker who knows the code does."""
    previous = FIRST
    for number, row in enumerate(rows, 1):
        row |= {"sequence": number, "previous": previous}
        previous = row["hash"] = entry_hash({name: row[name] for name in HASHED})
    if rows:
        _sql(
            "UPDATE audit_head SET sequence = %s, hash = %s WHERE chain = %s",
            len(rows),
            previous,
            CHAIN,
        )
    return rows


def found(chain: int = CHAIN) -> list[Finding]:
    return verify(chain).findings


def test_a_whole_chain_has_no_findings(chain: int) -> None:
    assert len(_entries()) == LENGTH
    assert [verify(number).findings for number in chains()] == [[], []]
    assert verify(chain).entries == LENGTH
    assert missing_triggers() == []


_TEXTS: Final = st.sampled_from(["", "0", "x", "person", "device", "a" * 64, "f" * 64])
_NUMBERS: Final = st.sampled_from([-1, 0, 1, 2, 3, 100, 1_700_000_000_000])
_AT: Final = st.integers(0, LENGTH - 1)


@st.composite
def changed_column(draw: st.DrawFn) -> Callable[[], None]:
    name = draw(st.sampled_from(["hash", *HASHED]))
    value = draw(_NUMBERS if name in {"chain", "sequence", "at_ms", "hour"} else _TEXTS)
    if isinstance(value, str):  # PostgreSQL stores no text that is longer than the column
        value = value[: {one.name: one.max_length for one in Entry._meta.fields}[name]]
    at, chained = draw(_AT), draw(st.booleans())

    def tamper() -> None:
        rows = _entries()
        rows[at][name] = value
        numbers = [row["sequence"] for row in rows if row["chain"] == CHAIN]
        if chained or len(set(numbers)) < len(numbers) or rows[at]["chain"] == OTHER:
            rows[at]["chain"] = CHAIN
            _chained(rows)
        _put(rows)

    return tamper


@st.composite
def removed(draw: st.DrawFn) -> Callable[[], None]:
    first, count, chained = draw(_AT), draw(st.integers(1, LENGTH)), draw(st.booleans())

    def tamper() -> None:
        rows = _entries()
        del rows[first : first + count]
        _put(_chained(rows) if chained else rows)

    return tamper


@st.composite
def moved(draw: st.DrawFn) -> Callable[[], None]:
    order, chained = draw(st.permutations(range(LENGTH))), draw(st.booleans())

    def tamper() -> None:
        rows = _entries()
        numbers = [row["sequence"] for row in rows]
        rows = [rows[at] for at in order]
        for row, number in zip(rows, numbers, strict=True):
            row["sequence"] = number
        _put(_chained(rows) if chained else rows)

    return tamper


@st.composite
def added(draw: st.DrawFn) -> Callable[[], None]:
    source, at, chained = draw(_AT), draw(st.integers(0, LENGTH)), draw(st.booleans())

    def tamper() -> None:
        rows = _entries()
        copy = rows[source] | {"id": 1_000_000, "hour": None, "at_ms": 1}
        rows.insert(at, copy)
        for number, row in enumerate(rows, 1):
            row["sequence"] = number
        _put(_chained(rows) if chained else rows)

    return tamper


@st.composite
def changed_detail(draw: st.DrawFn) -> Callable[[], None]:
    name = draw(st.sampled_from(["role", "kind", "thing_id", "salt", "text", "commitment", "row"]))
    value, at, erased = draw(_TEXTS), draw(st.integers(0, 30)), draw(st.booleans())

    def tamper() -> None:
        rows = list(Detail.objects.filter(chain=CHAIN).values_list("pk", flat=True))
        pk = rows[at % len(rows)]
        if name == "row":
            _sql("DELETE FROM audit_detail WHERE id = %s", pk)
        elif erased:
            _sql("UPDATE audit_detail SET salt = '', text = '', erased_at_ms = 1 WHERE id = %s", pk)
        else:
            _sql(f"UPDATE audit_detail SET {name} = %s WHERE id = %s", value[:8], pk)

    return tamper


@st.composite
def changed_head(draw: st.DrawFn) -> Callable[[], None]:
    name = draw(st.sampled_from(["sequence", "hash", "signature", "key", "row"]))
    value = draw(_NUMBERS if name == "sequence" else _TEXTS)

    def tamper() -> None:
        if name == "row":
            _sql("DELETE FROM audit_head WHERE chain = %s", CHAIN)
        else:
            short = value[:16] if isinstance(value, str) else value
            _sql(f"UPDATE audit_head SET {name} = %s WHERE chain = %s", short, CHAIN)

    return tamper


class _UndoError(Exception):
    pass


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    tamper=st.one_of(
        changed_column(), removed(), moved(), added(), changed_detail(), changed_head()
    )
)
def test_any_tampering_is_found(chain: int, tamper: Callable[[], None]) -> None:
    before = _stored()
    try:
        with transaction.atomic(), without_triggers():
            tamper()
            tampered = _stored() != before
            assert bool(found()) == tampered
            raise _UndoError
    except _UndoError:
        pass
    assert not found()


def _say(findings: list[Finding]) -> list[str]:
    return [str(one.what) for one in findings]


def test_it_says_which_entry_was_changed(chain: int) -> None:
    with without_triggers():
        _sql("UPDATE audit_entry SET at_ms = 1 WHERE chain = %s AND sequence = 3", chain)
    assert _say(found()) == ["entry 3 was changed"]
    assert found(OTHER) == []


def test_it_says_which_entries_were_removed(chain: int) -> None:
    with without_triggers():
        _sql("DELETE FROM audit_entry WHERE chain = %s AND sequence IN (1, 4, 5, 8)", chain)
    details = [text for text in _say(found()) if "detail" not in text]
    assert details == [
        "entry 1 was removed",
        "entries 4 to 5 were removed (2)",
        "entry 8 was removed",
    ]


def test_a_rewritten_chain_is_found_by_its_signature(chain: int) -> None:
    with without_triggers():
        rows = _entries()
        rows[2]["action"] = "audit.look"
        _put(_chained(rows))
    assert "the head of the chain is not signed by this portal's key" in _say(found())
    assert "entry 8 was replaced: the head that was kept outside the database has another hash" in (
        _say(found())
    )


def test_a_removed_end_is_found_with_the_head_put_back(chain: int) -> None:
    """An old backup's head is signed, too: only what is kept elsewhere shows what came after."""
    old, details = Head.objects.get(chain=OTHER), set(Detail.objects.values_list("pk", flat=True))
    last = record.record(
        audit.GROUP_DELETE, actor=None, organization=OTHER, subject=("group", 1), before={"n": 1}
    )
    keep_heads()
    with without_triggers():
        _sql("DELETE FROM audit_entry WHERE id = %s", last.pk)
        for pk in set(Detail.objects.values_list("pk", flat=True)) - details:
            _sql("DELETE FROM audit_detail WHERE id = %s", pk)
        _sql(
            "UPDATE audit_head SET sequence = %s, hash = %s, signature = %s WHERE chain = %s",
            *(old.sequence, old.hash, old.signature, OTHER),
        )
    said = [f"entry {last.sequence} was removed"]
    assert _say(found(OTHER)) == said
    copy = anchors.kept(OTHER)
    assert copy
    (Path(conf.STATE) / anchors.FOLDER / f"{OTHER}.json").unlink()
    assert _say(found(OTHER)) == []  # what docs/adr/0036 says: nothing is left that shows it
    assert _say(verify(OTHER, [copy]).findings) == said


def test_a_chain_that_is_gone_is_found_by_what_was_kept(chain: int) -> None:
    with without_triggers():
        for table in ("audit_entry", "audit_detail", "audit_head"):
            _sql(f"DELETE FROM {table} WHERE chain = %s", chain)
    assert chains() == [CHAIN, OTHER]
    assert _say(found()) == ["entries 1 to 8 were removed (8)"]


def test_names_are_erased_and_the_chain_stays_whole(chain: int) -> None:
    taro = User.objects.get(email="taro@example.com")
    before = _entries()
    assert erase_names(("person", taro.pk), actor=taro) == 2  # one in each chain
    assert erase_names(("person", taro.pk), actor=taro) == 0
    keep_heads()
    assert _entries()[:LENGTH] == before
    assert not found()
    assert not found(OTHER)
    assert "太郎" not in json.dumps(_stored(), ensure_ascii=False)
    assert "花子" not in json.dumps(_stored(), ensure_ascii=False)
    assert Detail.objects.filter(kind="person", salt="", text="").count() == 5


def test_a_trigger_that_is_missing_is_found(chain: int) -> None:
    on = "" if connection.vendor == "sqlite" else " ON audit_entry"
    _sql(f"DROP TRIGGER audit_entry_no_update{on}")
    assert missing_triggers() == ["audit_entry_no_update"]


def test_a_detail_that_belongs_to_no_entry_is_found(chain: int) -> None:
    made = Detail.objects.create(
        chain=chain, commitment="c" * 64, role="name", kind="person", salt=new_salt(), text="x"
    )
    assert _say(found()) == [f"detail {made.pk} was added: no entry belongs to it"]
