"""An error of an action, in the language of the page that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import get_language

from console.language import translations
from console.text import one_line

if TYPE_CHECKING:
    from console.text import MessageError


def error_text(error: MessageError) -> str:
    """What is wrong, where, why, and what to do next, as one text."""
    return one_line(
        error.where, error.what, error.why, error.next_step, translations(get_language() or "en")
    )
