"""How long the box's own certificate is valid, and the condition that says so in time. Pure.

Nothing renews it by itself: a person enrols the box again (docs/how-to/revoke-and-reissue.md), so
that it has to be said while the link still carries it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from console.templates import condition, evidence
from drivers.report import Clock, Code, Condition, Evidence, EvidenceKind, Severity

NOTICE_MS: Final = 30 * 86_400_000
"""As early as the portal tells its operators (`portal.authority.expiry`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateValidity:
    """How long the certificate is valid, as of one moment.

    Attributes:
        expires_at: When it expires, Unix milliseconds.
        left_ms: Milliseconds until then, negative after; ``None`` while the clock is not set.
    """

    expires_at: int
    left_ms: int | None

    @property
    def soon(self) -> bool:
        """Whether it expires within `NOTICE_MS`, or has; ``False`` while the clock is not set."""
        return self.left_ms is not None and self.left_ms <= NOTICE_MS

    @property
    def expired(self) -> bool:
        """Whether it has expired, so that the broker refuses it; ``False`` without a clock."""
        return self.left_ms is not None and self.left_ms <= 0

    def condition(self) -> Condition | None:
        """The condition of the gateway's own report; ``None`` while there is nothing to do."""
        if not self.soon:
            return None
        day = self._moment().date().isoformat()
        expiry = condition.CERTIFICATE_EXPIRED if self.expired else condition.CERTIFICATE_EXPIRING
        seen = Evidence(
            kind=EvidenceKind.GATEWAY,
            value=self._text(),
            meaning=evidence.EXPIRES(),
        )
        return Condition(
            code=Code.CERTIFICATE_EXPIRING,
            severity=Severity.ERROR if self.expired else Severity.WARNING,
            message=expiry(day=day),
            evidence=(seen,),
        )

    def to_json(self) -> dict[str, Any]:
        """The validity as `kanmon status` shows it, as JSON values."""
        left_s = None if self.left_ms is None else self.left_ms // 1000
        return {
            "expires_at": self._text(),
            "left_s": left_s,
            "soon": self.soon,
            "expired": self.expired,
        }

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self.expires_at // 1000, UTC)

    def _text(self) -> str:
        return self._moment().isoformat().replace("+00:00", "Z")


def validity(expires_at: int | None, clock: Clock, at: int) -> CertificateValidity | None:
    """The validity of the certificate at ``at``, milliseconds since boot; ``None`` without one."""
    if expires_at is None:
        return None
    now = clock.utc_ms(at)
    return CertificateValidity(
        expires_at=expires_at, left_ms=None if now is None else expires_at - now
    )


def unix_ms(text: str) -> int | None:
    """Read RFC 3339 as Unix milliseconds; ``None`` where ``text`` is not a time with its offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else int(found.timestamp() * 1000)
