"""A setting of a device that may be written, and why a value is not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


class WriteError(ValueError):
    """A value that is not written.

    Attributes:
        what: The fact.
        next_step: What to do about it.
    """

    def __init__(self, what: str, next_step: str) -> None:
        self.what = what
        self.next_step = next_step
        super().__init__(f"{what}. {next_step}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a device; a family whose devices cannot hold every number refines it.

    Attributes:
        name: What asks for it.
        unit: Its unit; ``""`` for none.
        min, max: What may be written, both ends included.
        only: The values between them that the device takes, where that is not all of them.
    """

    name: str
    unit: str = ""
    min: Decimal
    max: Decimal
    only: tuple[Decimal, ...] = ()

    def number(self, text: str) -> Decimal:
        """The value that ``text`` says, if it may be written; raises `WriteError`."""
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        bounds = f"Give a number from {self.min} to {self.max}{self.suffix}"
        if not value.is_finite():
            raise WriteError(f"{text!r} is no number", bounds)
        if not self.min <= value <= self.max:
            raise WriteError(f"{value} is outside what {self.name!r} may be", bounds)
        if self.only and value not in self.only:
            known = ", ".join(map(str, self.only))
            raise WriteError(
                f"{self.name!r} cannot be {value}{self.suffix}",
                f"Give one of {known}{self.suffix}",
            )
        return value

    def held(self, value: Decimal) -> Decimal:
        """The value that the device has after ``value`` was written.

        Raises:
            WriteError: The device cannot hold it.
        """
        return value

    @property
    def suffix(self) -> str:
        """The unit with a space before it; ``""`` where there is none."""
        return f" {self.unit}" if self.unit else ""
