"""A report as a person on a console reads it."""

from __future__ import annotations

from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.language import tr
from drivers.report import Reading, Report, Supply, SupplyState
from gateway.cli import words


def show(report: Report) -> None:
    """Print a report: who, how it is, what is wrong, what it measures."""
    console = Console(soft_wrap=False, highlight=False)
    identity = report.identity
    who = " ".join(part for part in (identity.maker, identity.model) if part)
    serial = tr(", serial {serial}", serial=identity.serial) if identity.serial else ""
    answers = words.reachability(report.reachability.value)
    console.print(Text(f"{report.device}: {answers}, {words.state(report.state.value)}"))
    if who or serial:
        console.print(Text(f"{who}{serial}"))
    for condition in report.conditions:
        where = f" ({condition.component})" if condition.component else ""
        severity = words.severity(condition.severity.value)
        message = words.message(condition.message)
        line = f"{severity}: {condition.code.value}{where}: {message}"
        console.print(Text(line))
    if report.readings:
        console.print(_readings(report.readings))
    if report.supplies:
        console.print(_supplies(report.supplies))


def _readings(readings: tuple[Reading, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(tr("Quantity"))
    table.add_column(tr("Part"))
    table.add_column(tr("Value"), justify="right")
    table.add_column(tr("Unit"))
    for reading in readings:
        quantity = reading.quantity
        cells = (quantity.value, reading.part, value_text(reading), quantity.unit)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _supplies(supplies: tuple[Supply, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(tr("Supply"))
    table.add_column(tr("Colour"))
    table.add_column(tr("Left"), justify="right")
    table.add_column(tr("Name"))
    for supply in supplies:
        kind = supply.kind.replace("_", " ")
        cells = (kind, supply.colour, level_text(supply), supply.name)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def level_text(supply: Supply) -> str:
    """What is left of a supply; what is known instead, where no per cent are."""
    if supply.level is None:
        return f"- ({words.supply_state(supply.state.value)})"
    low = f" {words.supply_state('low')}" if supply.state is SupplyState.LOW else ""
    return f"{supply.level} %{low}"


def value_text(reading: Reading) -> str:
    """The value with exactly its resolution's decimals; why there is none, if so."""
    value = reading.value
    if value is None:
        return f"- ({words.quality(reading.quality.value)})"
    if isinstance(value, str):
        return value
    return f"{Decimal(value).scaleb(reading.resolution):f}"
