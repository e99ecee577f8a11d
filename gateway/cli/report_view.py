"""A report as a person on a console reads it."""

from __future__ import annotations

from decimal import Decimal

from console import language, vocabulary
from console.language import tr
from console.output import plain_line, say_table, say_wrapped
from drivers.report import Reading, Report, Supply, SupplyState
from gateway.cli import words


def show(report: Report) -> None:
    """Print a report: who, how it is, what is wrong, what it measures."""
    identity = report.identity
    who = " ".join(part for part in (identity.maker, identity.model) if part)
    serial = tr(", serial number {serial}", serial=identity.serial) if identity.serial else ""
    say_wrapped(words.device(report.device, report.reachability.value, report.state.value))
    if who or serial:
        say_wrapped(f"{who}{serial}")
    for condition in report.conditions:
        say_wrapped(plain_line(words.condition(condition)))
        if condition.next_step:
            step = language.sentence(condition.next_step)
            say_wrapped(f"  {tr('next: ')}{plain_line(step)}")
    if report.readings:
        headings = (tr("Quantity"), tr("Part"), tr("Value"), tr("Unit"))
        say_table(headings, [_reading(reading) for reading in report.readings], right={2})
    if report.supplies:
        supply_headings = (tr("Supply"), tr("Left"), tr("Name"))
        say_table(supply_headings, [_supply(supply) for supply in report.supplies], right={1})


def _reading(reading: Reading) -> tuple[str, ...]:
    quantity = reading.quantity
    return quantity.value, reading.part, value_text(reading), quantity.unit


def _supply(supply: Supply) -> tuple[str, ...]:
    name = vocabulary.supply(supply.kind, supply.colour)
    return language.heading(name), level_text(supply), supply.name


def level_text(supply: Supply) -> str:
    """What is left of a supply; what is known instead, where no per cent are."""
    if supply.level is None:
        return words.no_value(vocabulary.SUPPLY_STATES, supply.state.value)
    return words.level(supply.level, low=supply.state is SupplyState.LOW)


def value_text(reading: Reading) -> str:
    """The value with exactly its resolution's decimals; why there is none, if so."""
    value = reading.value
    if value is None:
        return words.no_value(vocabulary.QUALITIES, reading.quality.value)
    if isinstance(value, str):
        return value
    return f"{Decimal(value).scaleb(reading.resolution):f}"
