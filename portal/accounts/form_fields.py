"""Fields of forms about people and organizations: one line, a reading, a telephone number.

Source: requirements E-9, E-11 and K-6.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{4,28}[0-9]")
_KATAKANA: Final = re.compile("[\u30a1-\u30f6\u30fc\u30fb ]+")
_HIRAGANA: Final = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_MINUS: Final = "\u2212"
LANGUAGES: Final = (("ja", "日本語"), ("en", "English"))


class LineField(forms.CharField):
    """One line of visible text; a control character is refused."""

    def clean(self, value: Any) -> str:
        """The text, stripped.

        Raises:
            ValidationError: A character cannot be displayed.
        """
        text: str = super().clean(value)
        if any(unicodedata.category(character) in _UNSEEN for character in text):
            raise ValidationError(
                _("The text contains a character that cannot be displayed. Enter the text again."),
                code="unseen",
            )
        return text


class KanaField(LineField):
    """The reading of a name: katakana; hiragana and half-width katakana are converted."""

    def clean(self, value: Any) -> str:
        """The reading in full-width katakana.

        Raises:
            ValidationError: It holds anything else.
        """
        text = unicodedata.normalize("NFKC", super().clean(value)).translate(_HIRAGANA)
        if text and not _KATAKANA.fullmatch(text):
            raise ValidationError(_("Enter the reading in katakana."), code="not_katakana")
        return text


class PhoneField(LineField):
    """A telephone number as people write it; full-width digits are converted."""

    def clean(self, value: Any) -> str:
        """The number.

        Raises:
            ValidationError: It holds anything but digits and the signs between them.
        """
        text = unicodedata.normalize("NFKC", super().clean(value)).replace(_MINUS, "-")
        if text and not _PHONE.fullmatch(text):
            raise ValidationError(
                _(
                    "Enter a telephone number with digits, spaces, hyphens, parentheses and a "
                    "leading +."
                ),
                code="not_a_phone",
            )
        return text


def require_readings(form: forms.BaseForm, *, japan: bool) -> None:
    """Require the readings in Japan, and ask for none elsewhere."""
    for name in ("family_kana", "given_kana"):
        if japan:
            form.fields[name].required = True
        else:
            del form.fields[name]
