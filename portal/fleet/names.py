"""Rules for what people write of devices. Pure but for the language of what is refused.

A group's name is measured as a Japanese form does: a wide or full-width character (UAX #11, W and
F) is two columns, any other one. Both the yen sign and the backslash are refused: in Japanese
fonts they look the same, and one is often typed as the other.

Source: requirements C-36 and K-13.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.fleet.kinds import DeviceKind

GROUP_NAME_WIDTH: Final = 50
FORBIDDEN: Final = "\"%&'/;<>\N{YEN SIGN}\\"
_HALF_WIDTH_KATAKANA: Final = range(0xFF61, 0xFFA0)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def width(text: str) -> int:
    """The width of ``text`` in half-width columns."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def tidy(text: str) -> str:
    """``text`` in composed form (NFC), with one space in place of any white space."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def check_group_name(name: str) -> None:
    """Raise `ValidationError`, in the reader's language, unless ``name`` may name a group."""
    if not name:
        raise ValidationError(_("Enter a name for the group."))
    if width(name) > GROUP_NAME_WIDTH:
        raise ValidationError(
            _("Too long: enter at most %(most)s half-width or %(half)s full-width characters.")
            % {"most": GROUP_NAME_WIDTH, "half": GROUP_NAME_WIDTH // 2}
        )
    if wrong := sorted({char for char in name if char in FORBIDDEN}):
        raise ValidationError(
            _("The name contains characters that are not allowed: %(wrong)s")
            % {"wrong": " ".join(wrong)}
        )
    if any(ord(char) in _HALF_WIDTH_KATAKANA for char in name):
        raise ValidationError(_("Half-width katakana is not allowed. Enter it in full width."))
    check_visible(name)


def check_visible(text: str) -> None:
    """Raise `ValidationError` for characters that nobody can see, such as control characters."""
    if any(unicodedata.category(char) in _UNSEEN for char in text):
        raise ValidationError(
            _("The text contains a character that cannot be displayed. Enter it again.")
        )


def check_kind(kind: str) -> None:
    """Raise `ValidationError` unless ``kind`` is a `portal.fleet.kinds.DeviceKind`."""
    if kind not in set(DeviceKind):
        raise ValidationError(
            _("“%(kind)s” is not a kind of device; the kinds are %(kinds)s.")
            % {"kind": kind, "kinds": ", ".join(DeviceKind)}
        )
