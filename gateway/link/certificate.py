"""How long the box's own certificate lasts, and who is told in time. Pure.

Nothing renews it by itself: a person enrols the box again (docs/how-to/revoke-and-reissue.md), so
that it has to be said while the link still carries it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from drivers.report import Clock, Code, Condition, Severity

EARLY_MS: Final = 30 * 86_400_000
"""As early as the portal tells its operators (`portal.authority.expiry`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """Until when the certificate counts, as of one moment.

    Attributes:
        ends_at: When it ends, Unix milliseconds.
        left_ms: How long until then, negative after; ``None`` while the clock is not set.
    """

    ends_at: int
    left_ms: int | None

    @property
    def soon(self) -> bool:
        """Whether somebody has to do something; unknown is not soon."""
        return self.left_ms is not None and self.left_ms <= EARLY_MS

    @property
    def ended(self) -> bool:
        """Whether the broker refuses it by now, as far as this box knows what time it is."""
        return self.left_ms is not None and self.left_ms <= 0

    def condition(self) -> Condition | None:
        """For the gateway's own report; ``None`` where there is nothing to do."""
        if not self.soon:
            return None
        day = self._moment().date().isoformat()
        if self.ended:
            message = f"The box's certificate ended on {day}: enrol it again with a new agent key"
        else:
            message = f"The box's certificate ends on {day}: enrol it again with a new agent key"
        return Condition(
            code=Code.CERTIFICATE_EXPIRING,
            severity=Severity.ERROR if self.ended else Severity.WARNING,
            message=message,
            source=f"ends_at={self._text()}",
        )

    def to_json(self) -> dict[str, Any]:
        """For the status."""
        left_s = None if self.left_ms is None else self.left_ms // 1000
        return {"ends_at": self._text(), "left_s": left_s, "soon": self.soon, "ended": self.ended}

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self.ends_at // 1000, UTC)

    def _text(self) -> str:
        return self._moment().isoformat().replace("+00:00", "Z")


def lasting(ends_at: int | None, clock: Clock, at: int) -> Lasting | None:
    """How long it lasts as of a boot time ``at``; ``None`` without a certificate."""
    if ends_at is None:
        return None
    now = clock.utc_ms(at)
    return Lasting(ends_at=ends_at, left_ms=None if now is None else ends_at - now)


def moment(text: str) -> int | None:
    """RFC 3339 as Unix milliseconds; ``None`` where that is no moment with its offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else int(found.timestamp() * 1000)
