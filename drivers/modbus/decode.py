"""From the bytes of one read to readings: a `struct` format and a column of constants each. Pure.

::

    block      [ u1 ][ u2 ][ gap ][ i1      ][ s1 s1 s1 ]
    layer      >H     H     2x     i          6s            one unpack_from for all of them
    columns    quantities, parts, resolutions, converts     as long as what it unpacks

Points that share registers go to further layers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.modbus.conversion import Convert, Value, conversion, unpack_code
from drivers.report import Quality, Quantity, Reading, readings_of

if TYPE_CHECKING:
    from drivers.installation import Installation
    from drivers.modbus.encoding import WordOrder
    from drivers.modbus.profile import Point
    from protocols.modbus.planner import Read

_Column = tuple[Quantity, str, int, "Convert | None"]


@dataclass(frozen=True, slots=True)
class _Layer:
    """Points that do not overlap; ``converts`` is empty when what is unpacked are the values."""

    format: struct.Struct
    quantities: tuple[Quantity, ...]
    parts: tuple[str, ...]
    resolutions: tuple[int, ...]
    converts: tuple[Convert | None, ...]

    @classmethod
    def of(cls, code: str, columns: Iterable[_Column]) -> _Layer:
        quantities, parts, resolutions, converts = zip(*columns, strict=True)
        needed = converts if any(converts) else ()
        return cls(struct.Struct(code), quantities, parts, resolutions, needed)

    def values(self, data: bytes) -> tuple[Sequence[Value], bool]:
        """What ``data`` says, and whether some of it is the reason why there is no value."""
        raws = self.format.unpack_from(data)
        if not self.converts:
            return raws, False
        values: list[Value] = [
            raw if convert is None else convert(raw)
            for raw, convert in zip(raws, self.converts, strict=True)
        ]
        return values, any(value.__class__ is Quality for value in values)

    def readings(self, data: bytes, at: int) -> list[Reading]:
        values, flawed = self.values(data)
        if not flawed:
            return readings_of(at, self.quantities, values, self.resolutions, self.parts)
        return [
            _missing(quantity, part, resolution, at, value)
            if isinstance(value, Quality)
            else Reading(quantity=quantity, value=value, at=at, resolution=resolution, part=part)
            for quantity, value, resolution, part in zip(
                self.quantities, values, self.resolutions, self.parts, strict=True
            )
        ]


@dataclass(frozen=True, slots=True)
class Columns:
    """The readings that one read becomes."""

    layers: tuple[_Layer, ...]

    @classmethod
    def of(
        cls, points: Sequence[Point], read: Read, words: WordOrder, installation: Installation
    ) -> Columns:
        """Compile the points of a read that have a quantity.

        Args:
            points: In any order, all within ``read``.
            read: What is read, of a table of registers.
            words: The device's order of words.
            installation: How the device is installed.
        """
        layers = []
        for layer in _layers(points):
            code, offset = ">", read.address
            for point in layer:
                code += f"{2 * (point.at - offset)}x" + unpack_code(point, point.words or words)
                offset = point.span.end
            columns = [_column(point, point.words or words, installation) for point in layer]
            layers.append(_Layer.of(code, columns))
        return cls(tuple(layers))

    def decode(self, data: bytes, at: int, readings: list[Reading]) -> None:
        """Add the readings in ``data``, all of the time ``at``."""
        for layer in self.layers:
            readings += layer.readings(data, at)

    def mark_missing(self, at: int, readings: list[Reading]) -> None:
        """Add readings without a value for a read that the device does not know."""
        for layer in self.layers:
            for quantity, part, resolution in zip(
                layer.quantities, layer.parts, layer.resolutions, strict=True
            ):
                readings.append(_missing(quantity, part, resolution, at, Quality.NOT_SUPPORTED))


def _missing(quantity: Quantity, part: str, resolution: int, at: int, quality: Quality) -> Reading:
    return Reading(
        quantity=quantity, value=None, at=at, resolution=resolution, part=part, quality=quality
    )


def _column(point: Point, words: WordOrder, installation: Installation) -> _Column:
    assert point.quantity is not None
    converted = conversion(point, words, installation.factor(point.quantity))
    convert = converted.convert if installation.knowable(point.quantity) else _unknowable
    return installation.meaning(point.quantity), point.part, converted.resolution, convert


def _unknowable(_raw: object) -> Value:
    return Quality.NOT_AVAILABLE


def _layers(points: Iterable[Point]) -> list[list[Point]]:
    """The points by address, those that overlap the one before in a layer of their own."""
    layers: list[list[Point]] = []
    for point in sorted(points, key=lambda p: (p.at, p.span.count)):
        fitting = (layer for layer in layers if layer[-1].span.end <= point.at)
        layer = next(fitting, None)
        if layer is None:
            layers.append(layer := [])
        layer.append(point)
    return layers
