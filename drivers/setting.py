"""A setting of a device that may be written, and why a value is not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from console.templates import setting as texts
from console.text import MessageError

if TYPE_CHECKING:
    from console.text import Argument, Message


class WriteError(MessageError, ValueError):
    """A value that is not written."""


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
        bounds = texts.RANGE(least=str(self.min), most=self.amount(self.max))
        if not value.is_finite():
            raise WriteError(texts.NOT_A_NUMBER(text=text), next_step=bounds)
        if not self.min <= value <= self.max:
            what = texts.OUT_OF_RANGE(value=self.amount(value), name=self.name)
            raise WriteError(what, next_step=bounds)
        if self.only and value not in self.only:
            what = texts.NOT_A_CHOICE(name=self.name, value=self.amount(value))
            raise WriteError(what, next_step=self._choices())
        return value

    def _choices(self) -> Message:
        known = tuple(map(str, self.only))
        one = len(known) == 1
        if self.unit:
            choices = texts.CHOICE_IN_UNIT if one else texts.CHOICES_IN_UNIT
            return choices(known=known, unit=self.unit)
        return (texts.CHOICE if one else texts.CHOICES)(known=known)

    def held(self, value: Decimal) -> Decimal:
        """The value that the device has after ``value`` was written.

        Raises:
            WriteError: The device cannot hold it.
        """
        return value

    def amount(self, value: Decimal) -> Argument:
        """``value`` with the unit, where there is one, as messages insert it."""
        return texts.AMOUNT(value=str(value), unit=self.unit) if self.unit else str(value)
