"""What belongs to how a meter is installed, not to the meter: transformer ratios and direction.

A meter behind current transformers of 200/5 A shows a fortieth of the current, and of everything
that is current times something. One that is wired the wrong way round counts what is drawn as
delivered. Both are applied here, exactly, in fractions: the ratio 10000/110 has no end in decimals.

Source: design section 3 (sign and transformer ratio belong to the installation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from drivers.quantity import Quantity

ONE: Final = Fraction(1)

_BY_CURRENT: Final = frozenset(
    {
        Quantity.CURRENT,
        Quantity.DEMAND_CURRENT,
        Quantity.DEMAND_CURRENT_PEAK,
        Quantity.CHARGE,
    }
)
_BY_BOTH: Final = frozenset(
    {
        Quantity.POWER_ACTIVE,
        Quantity.POWER_REACTIVE,
        Quantity.POWER_APPARENT,
        Quantity.DEMAND_ACTIVE,
        Quantity.DEMAND_ACTIVE_PEAK,
        Quantity.ENERGY_IMPORT,
        Quantity.ENERGY_EXPORT,
        Quantity.ENERGY_TOTAL,
        Quantity.ENERGY_NET,
        Quantity.ENERGY_REACTIVE_IMPORT,
        Quantity.ENERGY_REACTIVE_EXPORT,
        Quantity.ENERGY_REACTIVE,
        Quantity.ENERGY_APPARENT,
    }
)
_OPPOSITE: Final[Mapping[Quantity, Quantity]] = {
    Quantity.ENERGY_IMPORT: Quantity.ENERGY_EXPORT,
    Quantity.ENERGY_EXPORT: Quantity.ENERGY_IMPORT,
    Quantity.ENERGY_REACTIVE_IMPORT: Quantity.ENERGY_REACTIVE_EXPORT,
    Quantity.ENERGY_REACTIVE_EXPORT: Quantity.ENERGY_REACTIVE_IMPORT,
}
_NEGATED: Final = frozenset(
    {
        Quantity.POWER_ACTIVE,
        Quantity.POWER_REACTIVE,
        Quantity.POWER_FACTOR,
        Quantity.DEMAND_ACTIVE,
        Quantity.ENERGY_NET,
    }
)
_UNKNOWABLE: Final = frozenset({Quantity.DEMAND_ACTIVE_PEAK, Quantity.PHASE_ANGLE})
"""What a reversed meter cannot tell: its peak is that of the other direction, and its angles are
half a turn off in a way that depends on how it folds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Transformer ratios and direction of one meter.

    Attributes:
        current_ratio: Of the current transformers before it: 200/5 A is 40.
        voltage_ratio: Of the voltage transformers before it.
        reversed: Whether import and export change places.
    """

    current_ratio: Fraction = ONE
    voltage_ratio: Fraction = ONE
    reversed: bool = False

    def factor(self, quantity: Quantity) -> Fraction:
        """What a value of ``quantity`` is multiplied by; exact, negative where it turns round."""
        factor = ONE
        if quantity is Quantity.VOLTAGE:
            factor = self.voltage_ratio
        elif quantity in _BY_CURRENT:
            factor = self.current_ratio
        elif quantity in _BY_BOTH:
            factor = self.current_ratio * self.voltage_ratio
        return -factor if self.reversed and quantity in _NEGATED else factor

    def meaning(self, quantity: Quantity) -> Quantity:
        """What the meter's ``quantity`` is here."""
        return _OPPOSITE.get(quantity, quantity) if self.reversed else quantity

    def knowable(self, quantity: Quantity) -> bool:
        """Whether the meter can tell ``quantity`` as it is installed."""
        return not (self.reversed and quantity in _UNKNOWABLE)


AS_MEASURED: Final = Installation()
"""No transformers, wired as the maker says."""
