"""The last minutes of every meter as small lines, drawn on the server: a gap is shaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from portal.fleet.heartbeat import heartbeats_of
from portal.fleet.models import Device
from portal.ingest.models import Latest, Sample
from portal.web.chart import Line, Span, Window, line
from portal.web.figures import Figure, figure
from portal.web.words import quantity_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from portal.accounts.models import User

MINUTES: Final = 4
WIDTH: Final = 240
HEIGHT: Final = 34
_POINTS: Final = 400
_EDGE: Final = 3
_LINES: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallLine:
    """The line of one meter.

    Attributes:
        path: The path of an SVG of `WIDTH` by `HEIGHT`.
        voids: Left edge and width of each stretch without known values, in the same units.
        last: The newest value; ``None`` where it is not known.
    """

    device: Device
    path: str
    voids: Sequence[tuple[str, str]]
    last: Figure | None

    @property
    def whole(self) -> bool:
        """Whether the line has no gap."""
        return not self.voids


def small_lines(user: User | AnonymousUser, now_ms: int) -> list[SmallLine]:
    """The lines of the first devices visible to ``user`` that measure their power."""
    rows = (
        Latest.objects.filter(
            series__quantity="power.active",
            series__part="",
            series__device__in=Device.objects.visible_to(user),
        )
        .select_related("series__device")
        .order_by("series__device__gateway_id", "series__device_id")[:_LINES]
    )
    heartbeats = heartbeats_of({row.series.device.gateway_id for row in rows})
    holds = {row.series_id: heartbeats[row.series.device.gateway_id].hold_ms for row in rows}
    begin = now_ms - MINUTES * 60_000 - max(holds.values(), default=0)
    samples: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
    found = Sample.objects.filter(series__in=holds, at__gte=begin, at__lte=now_ms).order_by("at")
    for series, at, value in found.values_list("series", "at", "value"):
        samples[series].append((at, value))
    return [_line(row, samples[row.series_id], now_ms, holds[row.series_id]) for row in rows]


def _line(
    row: Latest, samples: Sequence[tuple[int, int | None]], now_ms: int, hold: int
) -> SmallLine:
    window = Window(start=now_ms - MINUTES * 60_000, end=now_ms, hold=hold)
    drawn = line(samples, window, _POINTS)
    quantity = quantity_of(row.series.quantity)
    last = drawn.points[-1] if drawn.points else None
    known = quantity is not None and last is not None and last.value is not None
    return SmallLine(
        device=row.series.device,
        path=_path(drawn, window),
        voids=[_void(span, window) for span in drawn.voids],
        last=figure(last.value, row.series.resolution, quantity)
        if known and quantity and last
        else None,
    )


def _path(drawn: Line, window: Window) -> str:
    """Steps: each value stands until the next."""
    if drawn.lowest is None or drawn.highest is None:
        return ""
    low, high = drawn.lowest.value or 0, drawn.highest.value or 0
    room = max(high - low, abs(high) // 5, abs(low) // 5, 1)
    middle = (low + high) / 2

    def across(at: int) -> str:
        share = (max(at, window.start) - window.start) / (window.end - window.start)
        return f"{share * WIDTH:.1f}"

    def up(value: int) -> str:
        share = 0.5 + (value - middle) / room
        return f"{HEIGHT - _EDGE - share * (HEIGHT - 2 * _EDGE):.1f}"

    steps: list[str] = []
    broken = True
    for point, following in pairwise([*drawn.points, None]):
        if point is None or point.value is None:
            broken = True
            continue
        begin = f"M{across(point.at)} {up(point.value)}" if broken else f"V{up(point.value)}"
        end = window.end if following is None else following.at
        steps.append(f"{begin}H{across(end)}")
        broken = False
    return "".join(steps)


def _void(span: Span, window: Window) -> tuple[str, str]:
    scale = WIDTH / (window.end - window.start)
    left = (span.start - window.start) * scale
    return f"{left:.1f}", f"{max((span.end - span.start) * scale, 1):.1f}"
