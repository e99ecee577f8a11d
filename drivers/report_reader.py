"""Reads a report from the JSON that `drivers.report_json` writes.

`loads` keeps decimals digit for digit; Python's own ``json`` would make floats of them, which
`from_json` refuses. Nothing is guessed: a name that is missing, misspelt or left over is an error.

Standard library and messages only. Sources: design section 2; RFC 8259; RFC 3339.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from console.catalogue import decode_parts
from console.nearest import nearest
from console.text import Message, verbatim
from drivers.report import (
    Clock,
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Identity,
    Kind,
    PartError,
    Quality,
    Quantity,
    Reachability,
    Reading,
    Report,
    Severity,
    State,
    Supply,
    SupplyState,
    check_part,
)
from drivers.report_json import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

E = TypeVar("E", bound=Enum)
T = TypeVar("T")
_SHIFT_LIMIT: Final = 1_000
"""The most decimal places between a number and its resolution: quantities have some twenty."""


class ReportJsonError(ValueError):
    """A document that is not a report: ``where`` in it, and ``what`` was expected."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where or 'the document'}: {what}")
        self.where = where
        self.what = what


def loads(text: str | bytes) -> Any:
    """JSON text with its decimals as `Decimal`; raises `ReportJsonError` where it is not JSON."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ReportJsonError("", f"not JSON: {error}") from error


def from_json(document: object) -> Report:
    """The report in what `loads` returns.

    Raises:
        ReportJsonError: Something is missing, misspelt, not in the vocabulary or contradicts
            itself; it names the first such place.
    """
    root = _Object.of(document, "")
    clock = _read_clock(root.object("clock"))
    report = Report(
        device=root.text("device"),
        at=_present(root.time("at", clock), root.place("at_boot_ms")),
        clock=clock,
        reachability=root.member("reachability", Reachability),
        state=root.member("state", State),
        identity=_read_identity(root.object("identity")),
        readings=root.each("readings", lambda item: _read_reading(item, clock)),
        conditions=root.each("conditions", lambda item: _read_condition(item, clock)),
        supplies=root.each("supplies", _read_supply),
    )
    root.finish()
    return report


@dataclass(slots=True)
class _Object:
    """A JSON object that knows where it stands and which of its names were read."""

    items: dict[str, Any]
    where: str

    @classmethod
    def of(cls, node: object, where: str) -> _Object:
        if not isinstance(node, dict):
            raise ReportJsonError(where, f"an object is expected, not {_kind(node)}")
        return cls(dict(cast("Mapping[str, Any]", node)), where)

    def place(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def take(self, name: str) -> Any:
        if name not in self.items:
            raise ReportJsonError(self.place(name), "is missing")
        return self.items.pop(name)

    def text(self, name: str) -> str:
        node = self.take(name)
        if not isinstance(node, str):
            raise ReportJsonError(self.place(name), f"a string is expected, not {_kind(node)}")
        return node

    def whole_or_none(self, name: str) -> int | None:
        node = self.take(name)
        if node is not None and (not isinstance(node, int) or isinstance(node, bool)):
            raise ReportJsonError(self.place(name), f"an integer is expected, not {_kind(node)}")
        return node

    def whole(self, name: str) -> int:
        return _present(self.whole_or_none(name), self.place(name))

    def member(self, name: str, kind: type[E]) -> E:
        word = self.text(name)
        try:
            return kind(word)
        except ValueError:
            words = [str(member.value) for member in kind]
            near = nearest(word, words)
            hint = f"did you mean {near!r}?" if near else f"it may be {', '.join(words[:8])}"
            raise ReportJsonError(
                self.place(name), f"{word!r} is not a valid {kind.__name__.lower()}; {hint}"
            ) from None

    def time(self, name: str, clock: Clock) -> int | None:
        """A time from its boot milliseconds; what is said in UTC must be the same moment."""
        said, at = self.take(name), self.whole_or_none(f"{name}_boot_ms")
        meant = None if at is None else utc_text(clock.utc_ms(at))
        if said != meant:
            raise ReportJsonError(
                self.place(name), f"{said!r} contradicts {name}_boot_ms and clock: {meant!r}"
            )
        return at

    def message(self, name: str) -> Message:
        """A message as `message_json` writes it; one that is not known here is its text."""
        text, key = self.text(name), self.text(f"{name}_id")
        args = self.take(f"{name}_args")
        if not isinstance(args, dict):
            where = self.place(f"{name}_args")
            raise ReportJsonError(where, f"an object is expected, not {_kind(args)}")
        try:
            return decode_parts(key, _floats(args), text) if key else verbatim(text)
        except RecursionError as error:
            raise ReportJsonError(self.place(f"{name}_args"), "is nested too deep") from error

    def object(self, name: str) -> _Object:
        return _Object.of(self.take(name), self.place(name))

    def each(self, name: str, read: Callable[[_Object], T]) -> tuple[T, ...]:
        nodes = self.take(name)
        if not isinstance(nodes, list):
            raise ReportJsonError(self.place(name), f"a list is expected, not {_kind(nodes)}")
        result = []
        for index, node in enumerate(nodes):
            item = _Object.of(node, f"{self.place(name)}[{index}]")
            result.append(read(item))
            item.finish()
        return tuple(result)

    def finish(self) -> None:
        """Refuse unknown keys: a misspelt name must not pass for an absent one."""
        for name in self.items:
            raise ReportJsonError(self.place(name), "is not a name of this format")


def _floats(node: Any) -> Any:
    """Arguments of a message, which are not readings: their decimals as floats."""
    if isinstance(node, dict):
        return {name: _floats(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_floats(value) for value in node]
    return float(node) if isinstance(node, Decimal) else node


def _kind(node: object) -> str:
    if isinstance(node, float):
        return (
            "a float (read the text with drivers.report_reader.loads, which keeps decimals exact)"
        )
    return "null" if node is None else f"{type(node).__name__} {node!r}"


def _present(value: T | None, where: str) -> T:
    if value is None:
        raise ReportJsonError(where, "null is not allowed here")
    return value


def _read_clock(node: _Object) -> Clock:
    boot = node.text("boot")
    if len(boot) != 32 or set(boot) - set("0123456789abcdef"):
        raise ReportJsonError(node.place("boot"), f"{boot!r} is not 32 hexadecimal digits")
    clock = Clock(boot=boot, offset=node.whole_or_none("offset_ms"))
    node.finish()
    return clock


def _read_identity(node: _Object) -> Identity:
    identity = Identity(
        **{name: node.text(name) for name in ("maker", "model", "serial", "firmware", "mac")}
    )
    node.finish()
    return identity


def _read_reading(node: _Object, clock: Clock) -> Reading:
    quantity, part = node.member("quantity", Quantity), node.text("part")
    try:
        check_part(quantity, part)
    except PartError as error:
        raise ReportJsonError(node.place("part"), str(error)) from error
    resolution, quality = node.whole("resolution"), node.member("quality", Quality)
    value = _read_value(node, quantity, resolution)
    if (value is None) == (quality is Quality.GOOD):
        raise ReportJsonError(
            node.place("value"), f"{value!r} with quality {quality.value!r}: null has a reason"
        )
    return Reading(
        quantity=quantity,
        part=part,
        value=value,
        resolution=resolution,
        at=_present(node.time("at", clock), node.place("at_boot_ms")),
        quality=quality,
    )


def _read_value(node: _Object, quantity: Quantity, resolution: int) -> int | str | None:
    value, where = node.take("value"), node.place("value")
    if value is None:
        return None
    if quantity.kind is Kind.TEXT:
        if not isinstance(value, str):
            raise ReportJsonError(where, f"{quantity.value} is text, not {_kind(value)}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ReportJsonError(where, f"a number is expected, not {_kind(value)}")
    return _units(Decimal(value), resolution, where)


def _units(number: Decimal, resolution: int, where: str) -> int:
    """How many ``10**resolution`` are in ``number``, exactly; no context rounds on the way."""
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ReportJsonError(where, f"{number} is not a number")
    whole = int("".join(map(str, digits)))
    shift = exponent - resolution
    if abs(shift) > _SHIFT_LIMIT:  # the power would take minutes and all memory
        raise ReportJsonError(where, f"its exponent does not fit resolution {resolution}")
    # int(): to the type checker a power of unknown sign might be a float
    units, rest = divmod(whole * int(10 ** max(shift, 0)), int(10 ** max(-shift, 0)))
    if rest:
        raise ReportJsonError(where, f"{number} has more decimals than resolution {resolution}")
    return -units if sign else units


def _read_condition(node: _Object, clock: Clock) -> Condition:
    node.text("source")  # made of the evidence
    return Condition(
        code=node.member("code", Code),
        severity=node.member("severity", Severity),
        component=node.text("component"),
        message=node.message("message"),
        evidence=node.each("evidence", _read_evidence),
        next_step=node.message("next"),
        since=node.time("since", clock),
    )


def _read_evidence(node: _Object) -> Evidence:
    return Evidence(
        kind=node.member("kind", EvidenceKind),
        address=node.text("address"),
        label=node.text("label"),
        value=node.text("value"),
        meaning=node.message("meaning"),
        profile=node.text("profile"),
    )


def _read_supply(node: _Object) -> Supply:
    return Supply(
        kind=node.text("kind"),
        colour=node.text("colour"),
        name=node.text("name"),
        level=node.whole_or_none("level"),
        capacity=node.whole_or_none("capacity"),
        unit=node.text("unit"),
        state=node.member("state", SupplyState),
    )
