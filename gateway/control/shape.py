"""Whether a JSON value has the shape that is expected of it. Pure.

A shape is written as what it describes::

    str  bool  int  float         a value of that type; an integer has 64 bits, and is a float, too
    None                          null [shape]                       a list, each element of that
    shape {"name": shape}               an object with at least these members {str: shape}
    an object whose members, whatever their names, have that shape (shape, shape ...)            one
    of these; with ``...`` among them, a member that may be missing
"""

from __future__ import annotations

from types import EllipsisType
from typing import Any, Final, TypeAlias

Shape: TypeAlias = type | dict[Any, Any] | list[Any] | tuple[Any, ...] | EllipsisType | None

_LIMIT: Final = 1 << 63


def mismatch(value: object, shape: Shape, place: str = "result") -> str | None:
    """Where a value differs first from its shape: ``result.devices[2].label``.

    Args:
        value: As `json.loads` returns it.
        shape: What is expected.
        place: What names the value itself.

    Returns:
        The place; ``None`` where nothing differs.
    """
    if isinstance(shape, tuple):
        # What the last alternative lacks tells the most: null stands before an object.
        found = [mismatch(value, one, place) for one in shape if one is not ...]
        return None if None in found else found[-1]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return place
        return _first(mismatch(v, shape[0], f"{place}[{n}]") for n, v in enumerate(value))
    if isinstance(shape, dict):
        return _object_mismatch(value, shape, place)
    return None if _is(value, shape) else place


def _object_mismatch(value: object, shape: dict[Any, Any], place: str) -> str | None:
    if not isinstance(value, dict):
        return place
    if str in shape:
        return _first(mismatch(v, shape[str], f"{place}.{name}") for name, v in value.items())
    for name, expected in shape.items():
        optional = isinstance(expected, tuple) and ... in expected
        if name in value:
            found = mismatch(value[name], expected, f"{place}.{name}")
        else:
            found = None if optional else f"{place}.{name}"
        if found is not None:
            return found
    return None


def _first(places: Any) -> str | None:
    return next((place for place in places if place is not None), None)


def _is(value: object, shape: object) -> bool:
    if shape is None or isinstance(value, bool):
        return value is None if shape is None else shape is bool
    if isinstance(value, int):
        return shape in {int, float} and -_LIMIT <= value < _LIMIT
    return type(value) is shape
