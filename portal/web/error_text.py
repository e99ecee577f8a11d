"""An error of an action, in the language of the page that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import get_language

from console.language import sentence

if TYPE_CHECKING:
    from console.text import MessageError


def error_text(error: MessageError) -> str:
    """What is wrong, where, why, and what to do next, each as a sentence."""
    language = get_language() or "en"
    parts = (error.what, error.why, error.next_step)
    text = ("" if language == "ja" else " ").join(
        sentence(part, language) for part in parts if part
    )
    return f"{error.where}: {text}" if error.where else text
