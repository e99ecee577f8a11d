"""What a condition says and what it is based on, as it is stored: checked, and within limits.

A gateway sends texts in English and beside them the ids and arguments that they were made from,
so that a page says them in its reader's language. Nothing of that can make an event invalid:
arguments that cannot be used are left out, the text is shown then; evidence that cannot be read is
left out entry by entry. No text is cut: one that is too long, or an entry of the evidence with such
a text, is replaced by a message that says so. Of a condition without readable evidence, as an older
gateway sends it, the text of the evidence is stored.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloud_link.limits import (
    ARGUMENTS_COUNT,
    ARGUMENTS_LIMIT,
    EVIDENCE_LIMIT,
    TEMPLATE_ID_LENGTH,
    TEXT_LIMIT,
)
from cloud_link.records import readable_evidence
from cloud_link.validation import json_flaw, storable_text
from console.catalogue import decode_parts
from console.name import is_name
from console.templates import condition as conditions

if TYPE_CHECKING:
    from cloud_link.records import WireCondition, WireEvidence
    from console.text import Message


def condition_texts(condition: WireCondition) -> dict[str, Any]:
    """The fields of a `portal.fleet.models.DeviceCondition` that say what is wrong, and why."""
    evidence = [_entry(one) for one in readable_evidence(condition, EVIDENCE_LIMIT)]
    return {
        **_message("message", condition.message, condition.message_id, condition.message_args),
        **_message("next_step", condition.next, condition.next_id, condition.next_args),
        "source": "" if evidence else _source(condition.source),
        "evidence": evidence,
    }


def _source(text: str) -> str:
    """The evidence of an older gateway as one text; where it is too long, English that says so."""
    long = len(text) > TEXT_LIMIT
    return str(conditions.TEXT_TOO_LONG(n=len(text))) if long else _whole(text, TEXT_LIMIT)


def _entry(entry: WireEvidence) -> dict[str, Any]:
    try:
        return {
            "kind": _whole(entry.kind, TEMPLATE_ID_LENGTH),
            "address": _whole(entry.address, TEXT_LIMIT),
            "label": _whole(entry.label, TEXT_LIMIT),
            "value": _whole(entry.value, TEXT_LIMIT),
            **_message("meaning", entry.meaning, entry.meaning_id, entry.meaning_args),
            "profile": _whole(entry.profile, TEXT_LIMIT),
        }
    except ValueError:
        texts = (entry.kind, entry.address, entry.label, entry.value, entry.profile)
        said = conditions.TEXT_TOO_LONG(n=max(map(len, texts)))
        empty = dict.fromkeys(("kind", "address", "label", "value", "profile"), "")
        return empty | _parts("meaning", said)


def _message(name: str, text: str, template_id: str, args: Any) -> dict[str, Any]:
    """A message below ``name``: text, id, and its arguments where they can be used."""
    if len(text) > TEXT_LIMIT:
        return _parts(name, conditions.TEXT_TOO_LONG(n=len(text)))
    known_id = template_id if is_name(template_id, TEMPLATE_ID_LENGTH) else ""
    usable: Any = {}
    if known_id and json_flaw(args, ARGUMENTS_COUNT) is None:
        try:
            usable = _storable(decode_parts(known_id, args, text).args_json())
        except ValueError:
            usable = {}
        if len(json.dumps(usable)) > ARGUMENTS_LIMIT:
            usable = {}
    return {name: _whole(text, TEXT_LIMIT), f"{name}_id": known_id, f"{name}_args": usable}


def _parts(name: str, message: Message) -> dict[str, Any]:
    """A message of the portal's own below ``name``."""
    return {name: str(message), f"{name}_id": message.id, f"{name}_args": message.args_json()}


def _whole(text: str, limit: int) -> str:
    """``text`` as both databases store it; raises ``ValueError`` for one above the limit."""
    if len(text) > limit:
        raise ValueError("too long")
    return storable_text(text, limit)


def _storable(value: Any) -> Any:
    """JSON values as they are stored; raises ``ValueError`` for a text that is too long."""
    if isinstance(value, dict):
        return {_whole(key, TEMPLATE_ID_LENGTH): _storable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, str):
        return _whole(value, TEXT_LIMIT)
    return value
