"""The strip *break something*: what can be broken, what is, and the books while it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from portal.fleet.models import Box
from portal.ingest.ledger import Ledger, ledger
from portal.simulation.control import AwayError, Trouble, WorldState, call
from portal.simulation.lines import SmallLine, small_lines

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import _StrPromise

    from portal.accounts.models import User

BREAK: Final = "break"
MEND: Final = "mend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said of a trouble.

    Attributes:
        button: What pressing does.
        hint: What will be seen.
        lasting: What is so while it lasts.
        mend: What pressing does then; empty where it has to be waited for.
    """

    button: _StrPromise
    hint: _StrPromise
    lasting: _StrPromise
    mend: _StrPromise | str = ""


TROUBLES: Final = {
    "jam": Words(
        button=later("Jam the copier"),
        hint=later("A sheet sticks in the 3F copier: the sentence on top says so."),
        lasting=later("The copier is jammed"),
        mend=later("Take the sheet out"),
    ),
    "silence": Words(
        button=later("Silence a meter"),
        hint=later("The workshop's meter stops answering; the other lines stay unbroken."),
        lasting=later("The workshop's meter is silent"),
        mend=later("Let it answer"),
    ),
    "internet": Words(
        button=later("Cut the internet"),
        hint=later(
            "Readings wait at the sites; the gap is shaded, and fills when they call again."
        ),
        lasting=later("The internet is cut"),
        mend=later("Mend it"),
    ),
    "gateway": Words(
        button=later("Kill the gateway"),
        hint=later("The plant's gateway dies at once; what it had accepted is on its disk."),
        lasting=later("The plant's gateway is dead"),
    ),
    "exchange": Words(
        button=later("Exchange a meter"),
        hint=later("The cold room gets a new meter: another serial number, counters from zero."),
        lasting=later("The cold room has a new meter"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A trouble with its words."""

    trouble: Trouble
    words: Words

    @property
    def does(self) -> str:
        """What pressing asks the simulated world for."""
        return MEND if self.trouble.on and self.words.mend else BREAK

    @property
    def lasting(self) -> str:
        """What is so, and for how long."""
        if not self.trouble.on:
            return ""
        left = _("%(seconds)s s left") % {"seconds": self.trouble.left_s}
        return f"{self.words.lasting} · {left}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The ledger line."""

    ledger: Ledger

    @property
    def balance(self) -> str:
        """``accepted 1,304 = stored 1,204 + waiting 100``."""
        books = self.ledger
        parts = [_("stored %(n)s") % {"n": f"{books.stored:,}"}]
        if books.waiting:
            parts.append(_("waiting %(n)s") % {"n": f"{books.waiting:,}"})
        if books.refused:
            parts.append(_("refused %(n)s") % {"n": f"{books.refused:,}"})
        if books.lost:
            parts.append(_("lost %(n)s") % {"n": f"{books.lost:,}"})
        accepted = _("accepted %(n)s") % {"n": f"{books.accepted:,}"}
        return f"{accepted} = {' + '.join(parts)}"

    @property
    def faults(self) -> str:
        """``lost 0, doubled 0``."""
        lost = _("lost %(n)s") % {"n": f"{self.ledger.lost:,}"}
        doubled = _("doubled %(n)s") % {"n": f"{self.ledger.doubled:,}"}
        return _(", ").join((lost, doubled))


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Everything the strip shows.

    Attributes:
        buttons: Empty while the simulated world does not answer.
        books: ``None`` while no spool has said anything.
    """

    buttons: Sequence[Button] = ()
    books: Books | None = None
    lines: Sequence[SmallLine] = ()


def simulation() -> Path | None:
    """Where the simulated world is asked; ``None`` where nothing is simulated."""
    path: Path | None = settings.SIMULATION
    return path


def strip(user: User | AnonymousUser, state: WorldState) -> Strip:
    """What ``user`` sees of the simulated world."""
    own = set(Box.objects.visible_to(user).values_list("box_id", flat=True))
    spools = [word for word in state.spools if word.box in own]
    return Strip(
        buttons=[
            Button(trouble=trouble, words=TROUBLES[trouble.name])
            for trouble in state.troubles
            if trouble.name in TROUBLES
        ],
        books=Books(ledger=ledger(spools)) if spools else None,
        lines=small_lines(user, int(timezone.now().timestamp() * 1000)),
    )


def strip_now(user: User | AnonymousUser, path: Path) -> Strip:
    """The strip as it is now; without buttons while nobody answers."""
    try:
        return strip(user, call(path, "state"))
    except AwayError:
        return Strip()
