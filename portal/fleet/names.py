"""Rules for what people call a site, a gateway, a box, a device and a group. Pure.

A group's name is measured as a Japanese form does: a wide or full-width character (UAX #11, W and
F) is two columns, any other one. Both the yen sign and the backslash are refused: in Japanese
fonts they look the same, and one is often typed as the other.

Source: requirements C-36 and K-13.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from cloud_link.topics import BOX_ID
from config.time_zone import is_time_zone, suggestion
from console.templates import config, fleet, value
from console.text import MessageError, Template
from portal.fleet.kinds import DeviceKind

GROUP_NAME_MISSING: Final = Template("group.name_missing", "the name of the group is missing")
WRITE_GROUP_NAME: Final = Template("group.write_name", "enter a name for the group")
GROUP_NAME_WIDE: Final = Template("group.name_wide", "the name of the group is too long")
NARROW_GROUP_NAME: Final = Template(
    "group.narrow_name", "enter at most {most} half-width or {half} full-width characters"
)
FORBIDDEN_CHARACTERS: Final = Template(
    "group.forbidden_characters", "the name contains characters that are not allowed: {characters}"
)
REMOVE_CHARACTERS: Final = Template("group.remove_characters", "enter the name without them")
HALF_WIDTH: Final = Template("group.half_width", "half-width katakana is not allowed")
FULL_WIDTH: Final = Template("group.full_width", "enter it in full width")
UNSEEN: Final = Template(
    "description.unseen", "the text contains a character that cannot be displayed"
)
ENTER_AGAIN: Final = Template("description.enter_again", "enter the text again")
UNKNOWN_KIND: Final = Template("description.unknown_kind", "'{kind}' is not a type of device")
KINDS: Final = Template("description.kinds", "choose one of {kinds}")

NAME_LENGTH: Final = 100
"""The most characters of the name of a site, a gateway or a device, and of a location."""
GROUP_NAME_WIDTH: Final = 50
FORBIDDEN: Final = "\"%&'/;<>\N{YEN SIGN}\\"
_HALF_WIDTH_KATAKANA: Final = range(0xFF61, 0xFFA0)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


class FleetError(MessageError, ValueError):
    """Something a person asked of the fleet that is refused."""


def width(text: str) -> int:
    """The width of ``text`` in half-width columns.

    Not that of `rich.cells`: C-36 counts characters as a Japanese form does, where a combining
    mark or a zero-width character takes a column too.
    """
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def tidy(text: str) -> str:
    """``text`` in composed form (NFC), with one space in place of any white space."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def check_name(name: str) -> None:
    """Raise `FleetError` unless ``name`` may name a site or a gateway."""
    if not name:
        raise FleetError(fleet.NAME_EMPTY(), next_step=value.FILL_IN())
    check_length(name)


def check_length(text: str) -> None:
    """Raise `FleetError` for more than `NAME_LENGTH` characters."""
    if len(text) > NAME_LENGTH:
        raise FleetError(
            fleet.NAME_LONG(n=len(text), limit=NAME_LENGTH), next_step=fleet.SHORTEN_NAME()
        )


def check_time_zone(name: str) -> None:
    """Raise `FleetError` unless ``name`` is an IANA time zone (``Asia/Tokyo``)."""
    if not is_time_zone(name):
        raise FleetError(config.TIME_ZONE(name=name), next_step=suggestion(name))


def check_box_id(box_id: str) -> None:
    """Raise `FleetError` unless ``box_id`` can be part of a topic."""
    if not BOX_ID.fullmatch(box_id):
        raise FleetError(
            fleet.INVALID_BOX_ID(box=box_id),
            why=fleet.BOX_ID_FORM(),
            next_step=fleet.CHECK_BOX_ID(),
        )


def check_group_name(name: str) -> None:
    """Raise `FleetError` unless ``name`` may name a group."""
    if not name:
        raise FleetError(GROUP_NAME_MISSING(), next_step=WRITE_GROUP_NAME())
    if width(name) > GROUP_NAME_WIDTH:
        limits = NARROW_GROUP_NAME(most=GROUP_NAME_WIDTH, half=GROUP_NAME_WIDTH // 2)
        raise FleetError(GROUP_NAME_WIDE(), next_step=limits)
    if wrong := sorted({char for char in name if char in FORBIDDEN}):
        characters = " ".join(wrong)
        raise FleetError(FORBIDDEN_CHARACTERS(characters=characters), next_step=REMOVE_CHARACTERS())
    if any(ord(char) in _HALF_WIDTH_KATAKANA for char in name):
        raise FleetError(HALF_WIDTH(), next_step=FULL_WIDTH())
    check_visible(name)


def check_visible(text: str) -> None:
    """Raise `FleetError` for characters that cannot be seen, such as control characters."""
    if any(unicodedata.category(char) in _UNSEEN for char in text):
        raise FleetError(UNSEEN(), next_step=ENTER_AGAIN())


def check_kind(kind: str) -> None:
    """Raise `FleetError` unless ``kind`` is a `portal.fleet.kinds.DeviceKind`, or empty."""
    if kind and kind not in set(DeviceKind):
        kinds = tuple(one.value for one in DeviceKind)
        raise FleetError(UNKNOWN_KIND(kind=kind), next_step=KINDS(kinds=kinds))
