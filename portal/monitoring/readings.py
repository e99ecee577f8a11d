"""A device's latest readings, in the order people look for them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cloud_link.columns import QUALITIES
from console import part_key
from drivers.report import Kind, Quality, Quantity
from portal.web import words
from portal.web.figures import MISSING, Figure, exact_value, figure
from portal.web.moments import AHEAD_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.ingest.models import Latest

KEY_QUANTITIES: Final = (
    Quantity.POWER_ACTIVE,
    Quantity.ENERGY_IMPORT,
    Quantity.VOLTAGE,
    Quantity.CURRENT,
    Quantity.IMPRESSIONS,
    Quantity.SHEETS,
    Quantity.AREA,
    Quantity.JOBS,
    Quantity.TEMPERATURE,
    Quantity.POWER_THERMAL,
    Quantity.ENERGY_HEAT,
    Quantity.FLOW,
    Quantity.VOLUME_GAS,
    Quantity.VOLUME_WATER,
    Quantity.FUNDS_REMAINING,
    Quantity.ENERGY_EXPORT,
    Quantity.POWER_FACTOR,
    Quantity.FREQUENCY,
)
"""What stands for a device where there is little room, the first first."""
_KEY_COUNT: Final = 4
_NEUTRAL: Final = "n"
"""The conductor people look at last."""
_ORDER: Final = {quantity.value: rank for rank, quantity in enumerate(Quantity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingView:
    """One latest reading, ready for a page.

    Attributes:
        series: Id of its series.
        quantity: Its name in words.
        part: Which phase or tariff, in words; ``""`` for the whole.
        column: ``neutral`` for what stands apart from the phases, ``long`` for a part that needs
            room, else ``""``.
        figure: The value.
        reason: Why there is none, in words; ``""`` for a value.
        at: When it was read, Unix milliseconds.
        stale: Whether it has stood for longer than a sample stands, or its time is yet to come: it
            is shown with its time.
        counter: Whether it only grows.
    """

    series: int
    quantity: str
    part: str
    column: str
    figure: Figure
    reason: str
    at: int
    stale: bool
    counter: bool
    charted: bool


def reading_view(latest: Latest, *, hold_ms: int, now_ms: int, short: bool = False) -> ReadingView:
    """The view of a latest value; needs ``latest.series`` fetched. ``short`` rounds gauges."""
    series = latest.series
    kind, value = _kind_and_figure(latest, short=short)
    quality = (
        QUALITIES[latest.quality]
        if latest.quality in range(len(QUALITIES))
        else Quality.NOT_AVAILABLE
    )
    return ReadingView(
        series=series.pk,
        quantity=words.quantity_words(series.quantity),
        part=words.part_words(series.part),
        column=_column(series.part),
        figure=value,
        reason=words.quality_words(quality) if value.missing else "",
        at=latest.at,
        stale=now_ms - latest.at > hold_ms or latest.at - now_ms > AHEAD_MS,
        counter=kind is Kind.COUNTER,
        charted=kind is not Kind.TEXT,
    )


def _column(part: str) -> str:
    """The class of a part's column: a slice's name is long."""
    if part == _NEUTRAL:
        return "neutral"
    return "long" if isinstance(part_key.read(part), part_key.Slices) else ""


def _kind_and_figure(latest: Latest, *, short: bool) -> tuple[Kind, Figure]:
    quantity = words.quantity_of(latest.series.quantity)
    if quantity is None:
        return Kind.GAUGE, Figure(text=MISSING, missing=True)
    if quantity.kind is Kind.TEXT:
        text = latest.text
        return Kind.TEXT, Figure(text=MISSING if text is None else text, missing=text is None)
    value = figure(latest.value, latest.series.resolution, quantity, short=short)
    if value.unit:
        value = Figure(text=value.text, unit=words.unit_words(value.unit), missing=value.missing)
    return quantity.kind, value


def in_order(rows: Iterable[Latest]) -> list[Latest]:
    """The rows by quantity as the vocabulary lists them, the whole before its parts."""
    return sorted(rows, key=lambda row: _rank(row.series.quantity, row.series.part))


def key_readings(rows: Iterable[Latest]) -> list[Latest]:
    """The few that stand for the device on the first page: one of each of the first quantities.

    Of a quantity's parts the whole comes first, then ``l1`` and so on. Of energy there is what the
    device counts most of: what a roof gave, not what its inverter drew at night.
    """
    first: dict[str, Latest] = {}
    for row in in_order(rows):
        first.setdefault(row.series.quantity, row)
    drawn, given = first.get(Quantity.ENERGY_IMPORT.value), first.get(Quantity.ENERGY_EXPORT.value)
    if drawn and given and _amount(given) > _amount(drawn):
        first[Quantity.ENERGY_IMPORT.value] = first.pop(Quantity.ENERGY_EXPORT.value)
    return [first[q.value] for q in KEY_QUANTITIES if q.value in first][:_KEY_COUNT]


def _amount(row: Latest) -> Decimal:
    return exact_value(row.value, row.series.resolution) if row.value is not None else Decimal(0)


def _rank(quantity: str, part: str) -> tuple[int, bool, int, str]:
    return (_ORDER.get(quantity, len(_ORDER)), part == _NEUTRAL, len(part), part)
