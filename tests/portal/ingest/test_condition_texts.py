"""What a condition says and is based on, as an event brings it and as it is stored."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_link.columns import wire_condition
from cloud_link.limits import EVIDENCE_LIMIT, TEXT_LIMIT
from cloud_link.records import WireCondition
from cloud_link.wire import Lane
from console.catalogue import decode_parts
from console.templates import condition as conditions
from console.templates import evidence
from console.text import verbatim
from drivers.report import Code, Condition, Evidence, EvidenceKind, Severity
from portal.fleet.models import Box, DeviceCondition
from portal.ingest.store import ingest
from tests.portal.ingest.sender import Sender, event

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

HOSTILE = "jam; 'tray' \"2\" \n\u202e{place} 「」 </td><script>"
REGISTER = Evidence(
    kind=EvidenceKind.REGISTER,
    address="holding 7",
    value=HOSTILE,
    meaning=evidence.REGISTER_BIT(bit=1),
    profile="acme-x1",
)
JAM = Condition(
    code=Code.MEDIA_JAM,
    severity=Severity.ERROR,
    message=conditions.PLACED(what=conditions.MEDIA_JAM(), place=HOSTILE),
    evidence=(REGISTER,),
    next_step=verbatim("open the cover"),
)


def stored(sender: Sender, *found: WireCondition) -> DeviceCondition:
    """The first of these conditions, as the portal stores it; the event is accepted."""
    ingest([sender.clock()])
    ingest([sender.send(Lane.EVENT, event(1000 + n, one)) for n, one in enumerate(found)])
    return DeviceCondition.objects.get(cleared_at=None)


def test_fields_are_stored_and_make_the_message_again(box: Box, sender: Sender) -> None:
    row = stored(sender, wire_condition(JAM))
    assert decode_parts(row.message_id, row.message_args, row.message) == JAM.message
    assert (row.next_step, row.next_step_id, row.source) == ("open the cover", "", "")
    assert row.evidence == [
        {
            "kind": "register",
            "address": "holding 7",
            "label": "",
            "value": HOSTILE,
            "meaning": "bit 1 is set",
            "meaning_id": "evidence.register_bit",
            "meaning_args": {"bit": 1},
            "profile": "acme-x1",
        }
    ]


def test_an_older_gateway_s_texts_are_stored(box: Box, sender: Sender) -> None:
    row = stored(sender, WireCondition("media.jam", "error", "", "Paper jam", "x = 8", None))
    assert (row.message, row.message_id, row.source) == ("Paper jam", "", "x = 8")
    assert row.evidence == []


def test_a_later_event_replaces_the_words(box: Box, sender: Sender) -> None:
    old = WireCondition("media.jam", "error", "", "Paper jam", "x = 8", None)
    row = stored(sender, old, wire_condition(JAM))
    assert (row.message_id, row.source) == ("condition.placed", "")
    assert len(row.evidence) == 1


def nested(depth: int) -> Any:
    """A message with a message among its arguments, and so on."""
    message: Any = "deep"
    for _ in range(depth):
        message = {"id": "of.a_newer", "args": {"place": message}, "text": "text"}
    return message


@pytest.mark.parametrize(
    "args",
    [
        {"place": float("nan")},
        {"place": [[[[[[[["deep"]]]]]]]]},
        {"place": nested(220)},
        {"place": "x" * 50_000},
        {"place": b"bytes"},
        {1: 2},
        ["place"],
        None,
        True,
    ],
)
def test_arguments_that_cannot_be_used_leave_the_text(box: Box, sender: Sender, args: Any) -> None:
    sent = WireCondition("media.jam", "error", "", "jam: tray", "", None, "condition.placed", args)
    row = stored(sender, sent)
    shown = decode_parts(row.message_id, row.message_args, row.message)
    assert str(shown) == "jam: tray"


def test_an_unknown_id_keeps_its_text_and_its_arguments(box: Box, sender: Sender) -> None:
    sent = WireCondition("media.jam", "error", "", "new", "", None, "of.a_newer", {"a": "b\0"})
    row = stored(sender, sent)
    assert (row.message, row.message_id) == ("new", "of.a_newer")
    assert row.message_args == {"a": "b\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize(
    ("sent", "values"),
    [
        ([["oid", "1.3", "a", "b\0" + "x" * 1998]], ["b\N{REPLACEMENT CHARACTER}" + "x" * 1998]),
        ([["oid", "1.3", "a", "x" * 5_000], ["oid", "1.4", "b", "2"]], ["", "2"]),
        ([["oid", "", "", str(n)] for n in range(500)], [str(n) for n in range(EVIDENCE_LIMIT)]),
        ([["a kind of a newer gateway", "", "", "1"]], ["1"]),
        ([["oid", 1], "x", None, ["oid", "", "", "2"]], ["2"]),
        ({"kind": "oid"}, []),
        (7, []),
    ],
)
def test_evidence_is_stored_within_limits_and_never_loses_the_event(
    box: Box, sender: Sender, sent: Any, values: list[str]
) -> None:
    row = stored(sender, WireCondition("media.jam", "error", "", "", "s", None, evidence=sent))
    assert [entry["value"] for entry in row.evidence] == values
    assert all(len(entry["value"]) <= TEXT_LIMIT for entry in row.evidence)
    assert row.source == ("" if values else "s")


def test_a_text_that_is_too_long_is_replaced_whole_by_one_that_says_so(
    box: Box, sender: Sender
) -> None:
    long = WireCondition(
        *("media.jam", "error", "", "m" * 2_001, "s" * 2_002, None, "condition.placed"),
        {"what": "jam", "place": "tray"},
        next="n" * 2_003,
    )
    row = stored(sender, long)
    shown = decode_parts(row.message_id, row.message_args, row.message)
    assert shown == conditions.TEXT_TOO_LONG(n=2_001)
    step = decode_parts(row.next_step_id, row.next_step_args, row.next_step)
    assert step == conditions.TEXT_TOO_LONG(n=2_003)
    assert row.source == str(conditions.TEXT_TOO_LONG(n=2_002))


def test_an_entry_with_a_text_that_is_too_long_is_replaced_whole(box: Box, sender: Sender) -> None:
    entry = ["oid", "1.3", "a", "x" * 5_000, "meaning", "evidence.register_bit", {"bit": 1}]
    row = stored(sender, WireCondition("media.jam", "error", "", "", "", None, evidence=[entry]))
    (kept,) = row.evidence
    meaning = decode_parts(kept["meaning_id"], kept["meaning_args"], kept["meaning"])
    assert meaning == conditions.TEXT_TOO_LONG(n=5_000)
    assert {kept[name] for name in ("kind", "address", "label", "value", "profile")} == {""}


def test_an_argument_that_is_too_long_leaves_the_text_and_is_never_cut(
    box: Box, sender: Sender
) -> None:
    args = {"what": "jam", "place": "x" * 2_001}
    row = stored(
        sender, WireCondition("media.jam", "error", "", "jam", "", None, "condition.placed", args)
    )
    assert (row.message, row.message_args) == ("jam", {})
