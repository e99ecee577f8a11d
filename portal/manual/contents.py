"""The pages of the manual, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualPage:
    """A page of the manual.

    Attributes:
        name: In its address, and of its files.
        is_open: Whether it opens without a session: who cannot sign in needs it.
    """

    name: str
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Pages under one title."""

    title: _StrPromise
    pages: Sequence[ManualPage]


PARTS: Final = (
    Part(
        title=_("Signing up and signing in"),
        pages=(
            ManualPage(name="sign-up", is_open=True),
            ManualPage(name="sign-in", is_open=True),
        ),
    ),
    Part(
        title=_("The portal's pages"),
        pages=(
            ManualPage(name="home"),
            ManualPage(name="energy"),
            ManualPage(name="printing"),
            ManualPage(name="devices"),
            ManualPage(name="sites"),
            ManualPage(name="faults"),
        ),
    ),
    Part(
        title=_("The organization"),
        pages=(
            ManualPage(name="organization"),
            ManualPage(name="members"),
            ManualPage(name="gateways"),
            ManualPage(name="mail"),
            ManualPage(name="audit"),
        ),
    ),
    Part(
        title=_("Your account"),
        pages=(ManualPage(name="settings"), ManualPage(name="security")),
    ),
    Part(title=_("Help"), pages=(ManualPage(name="problems"),)),
)
PAGES: Final = {page.name: page for part in PARTS for page in part.pages}
"""Each page by its name, in the order of the manual."""
