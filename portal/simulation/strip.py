"""The strip *break something*: faults to inject, faults injected, and the ledger meanwhile."""

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
from portal.simulation.control import InjectedFault, SimulationUnavailableError, WorldState, call
from portal.simulation.sparklines import SmallLine, small_lines
from portal.web.words import duration_words

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import _StrPromise

    from portal.accounts.models import User

BREAK: Final = "break"
MEND: Final = "mend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of a fault.

    Attributes:
        button: The button that injects it.
        hint: What will be seen then.
        lasting: What is the case while it lasts.
        mend: The button that ends it; empty where one has to wait.
    """

    button: _StrPromise
    hint: _StrPromise
    lasting: _StrPromise
    mend: _StrPromise | str = ""


FAULTS: Final = {
    "jam": Words(
        button=later("Cause a paper jam"),
        hint=later("The 3F copier reports a paper jam at the top of this page."),
        lasting=later("The copier has a paper jam"),
        mend=later("Clear the paper jam"),
    ),
    "silence": Words(
        button=later("Stop a meter"),
        hint=later("The workshop's meter stops responding. The other meters are not affected."),
        lasting=later("The workshop's meter does not respond"),
        mend=later("Resume responses"),
    ),
    "internet": Words(
        button=later("Cut the internet connection"),
        hint=later(
            "Readings are kept at the sites. The gap is shaded, and filled once the "
            "connection is back."
        ),
        lasting=later("The internet connection is down"),
        mend=later("Restore the connection"),
    ),
    "gateway": Words(
        button=later("Kill the gateway"),
        hint=later(
            "The plant's gateway stops at once. The records that it has accepted are kept "
            "on its disk."
        ),
        lasting=later("The plant's gateway is stopped"),
    ),
    "exchange": Words(
        button=later("Replace a meter"),
        hint=later(
            "The cold room's meter is replaced. The new one has another serial number, and "
            "its counters start at zero."
        ),
        lasting=later("The cold room's meter has been replaced"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A fault with its words."""

    fault: InjectedFault
    words: Words

    @property
    def does(self) -> str:
        """The command that the button sends."""
        return MEND if self.fault.on and self.words.mend else BREAK

    @property
    def lasting(self) -> str:
        """What is the case, and for how much longer; ``""`` while the fault is off."""
        if not self.fault.on:
            return ""
        left = _("%(time)s left") % {"time": duration_words(self.fault.left_s)}
        return f"{self.words.lasting} · {left}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummary:
    """The ledger in one line."""

    ledger: Ledger

    @property
    def balance(self) -> str:
        """``accepted 1,304 = stored 1,204 + waiting 100``."""
        ledger = self.ledger
        parts = [_("stored %(n)s") % {"n": f"{ledger.stored:,}"}]
        if ledger.waiting:
            parts.append(_("waiting %(n)s") % {"n": f"{ledger.waiting:,}"})
        if ledger.refused:
            parts.append(_("rejected %(n)s") % {"n": f"{ledger.refused:,}"})
        if ledger.lost:
            parts.append(_("lost %(n)s") % {"n": f"{ledger.lost:,}"})
        accepted = _("accepted %(n)s") % {"n": f"{ledger.accepted:,}"}
        return f"{accepted} = {' + '.join(parts)}"

    @property
    def losses(self) -> str:
        """``lost 0, duplicates 0``."""
        lost, doubled = f"{self.ledger.lost:,}", f"{self.ledger.doubled:,}"
        return _("lost %(lost)s, duplicates %(doubled)s") % {"lost": lost, "doubled": doubled}


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Everything the strip shows.

    Attributes:
        buttons: Empty while the simulated world does not answer.
        ledger_summary: ``None`` while no spool has reported.
        lines: The power of each meter over the last minutes.
    """

    buttons: Sequence[Button] = ()
    ledger_summary: LedgerSummary | None = None
    lines: Sequence[SmallLine] = ()


def socket_path() -> Path | None:
    """The socket of the simulated world; ``None`` where nothing is simulated."""
    path: Path | None = settings.SIMULATION
    return path


def strip(user: User | AnonymousUser, state: WorldState) -> Strip:
    """The strip of what ``user`` may see of the simulated world."""
    own = set(Box.objects.visible_to(user).values_list("box_id", flat=True))
    spools = [word for word in state.spools if word.box in own]
    return Strip(
        buttons=[
            Button(fault=fault, words=FAULTS[fault.name])
            for fault in state.faults
            if fault.name in FAULTS
        ],
        ledger_summary=LedgerSummary(ledger=ledger(spools)) if spools else None,
        lines=small_lines(user, int(timezone.now().timestamp() * 1000)),
    )


def current_strip(user: User | AnonymousUser, path: Path) -> Strip:
    """The strip now; empty while the simulated world does not answer."""
    try:
        return strip(user, call(path, "state"))
    except SimulationUnavailableError:
        return Strip()
