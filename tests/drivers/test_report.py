from __future__ import annotations

import pytest

from drivers.report import Quantity, Reading, readings_of


def test_readings_made_at_once_are_those_made_one_by_one() -> None:
    quantities = [Quantity.VOLTAGE, Quantity.CURRENT, Quantity.ENERGY_IMPORT]
    values, resolutions, parts = [2301, -5, 2**62], [-1, -3, 0], ["l1", "", "tariff=2"]
    made = readings_of(77, quantities, values, resolutions, parts)
    assert made == [
        Reading(quantity=quantity, value=value, at=77, resolution=resolution, part=part)
        for quantity, value, resolution, part in zip(
            quantities, values, resolutions, parts, strict=True
        )
    ]
    assert repr(made[0]) == repr(
        Reading(quantity=Quantity.VOLTAGE, value=2301, at=77, resolution=-1, part="l1")
    )
    assert len(set(made)) == 3
    with pytest.raises(AttributeError):
        made[0].value = 1  # type: ignore[misc] # that it is refused is the point
