from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.report import Kind, Quantity
from portal.web.figures import MISSING, chart_unit, duration, exact_value, figure, shorten

NUMERIC = [quantity for quantity in Quantity if quantity.kind is not Kind.TEXT]


@pytest.mark.parametrize(
    ("value", "resolution", "quantity", "whole", "short"),
    [
        (123_456_789, 0, Quantity.ENERGY_IMPORT, "123,456.789 kWh", "123,456.789 kWh"),
        (9_007_199_254_740_993, 0, Quantity.ENERGY_IMPORT, "9,007,199,254,740.993 kWh", None),
        (5, 2, Quantity.ENERGY_IMPORT, "0.5 kWh", None),
        (0, 0, Quantity.ENERGY_EXPORT, "0.000 kWh", None),
        (2_304, -1, Quantity.VOLTAGE, "230.4 V", "230.4 V"),
        (123_456, -1, Quantity.POWER_ACTIVE, "12.3456 kW", "12.35 kW"),
        (-123_456, -1, Quantity.POWER_ACTIVE, "-12.3456 kW", "-12.35 kW"),
        (9_999, -1, Quantity.POWER_ACTIVE, "999.9 W", "999.9 W"),
        (845, 0, Quantity.POWER_ACTIVE, "845 W", "845 W"),
        (962, -3, Quantity.POWER_FACTOR, "0.962", "0.962"),
        (3_000, -2, Quantity.PHASE_ANGLE, "30.00°", None),
        (215, -1, Quantity.TEMPERATURE, "21.5 °C", None),
        (1_048_576, 0, Quantity.DISK_FREE, "1 MiB", None),
        (98_234, 0, Quantity.UPTIME, "1 day 3 h", None),
        (184_220, 0, Quantity.IMPRESSIONS, "184,220 impressions", None),
    ],
)
def test_numbers_read_as_people_write_them(
    value: int, resolution: int, quantity: Quantity, whole: str, short: str | None
) -> None:
    assert str(figure(value, resolution, quantity)).replace("\xa0", " ") == whole
    if short is not None:
        said = str(figure(value, resolution, quantity, short=True)).replace("\xa0", " ")
        assert said == short


@pytest.mark.req("C-20")
@pytest.mark.parametrize("quantity", NUMERIC, ids=lambda q: q.value)
def test_a_missing_value_is_a_dash_and_a_zero_is_a_zero(quantity: Quantity) -> None:
    missing = figure(None, -1, quantity)
    assert (missing.text, missing.missing, missing.unit) == (MISSING, True, "")
    zero = figure(0, -1, quantity)
    assert not zero.missing
    assert "0" in zero.text


@given(
    value=st.integers(-(2**63), 2**63 - 1),
    resolution=st.integers(-9, 6),
    quantity=st.sampled_from([q for q in NUMERIC if q.unit not in {"s", "B"}]),
)
def test_no_digit_is_lost_or_invented(value: int, resolution: int, quantity: Quantity) -> None:
    shown = figure(value, resolution, quantity)
    factor = 1000 if shown.unit.startswith("k") else 1
    exact = exact_value(value, resolution)
    digits = shown.text.replace(",", "")
    assert int(Decimal(digits).scaleb(12)) == int(exact.scaleb(12)) // factor or (
        Decimal(digits).scaleb(3 if factor == 1000 else 0) == exact
    )


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
    )
)
def test_shortening_stays_within_half_a_unit_of_its_last_digit(exact: Decimal) -> None:
    short = shorten(exact)
    exponent = short.as_tuple().exponent
    assert isinstance(exponent, int)
    assert abs(short - exact) <= Decimal(1).scaleb(exponent) / 2


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ("0", "0 s"),
        ("59.9", "59 s"),
        ("60", "1 min"),
        ("3600", "1 h"),
        ("90061", "1 day 1 h"),
        ("-5", "-5 s"),
    ],
)
def test_durations_say_their_two_largest_parts(seconds: str, said: str) -> None:
    assert duration(Decimal(seconds)) == said


def test_a_chart_has_one_unit_for_all_its_points() -> None:
    assert chart_unit(Quantity.POWER_ACTIVE, Decimal(999)) == (0, "W")
    assert chart_unit(Quantity.POWER_ACTIVE, Decimal(1000)) == (3, "kW")
    assert chart_unit(Quantity.ENERGY_IMPORT, Decimal(5)) == (3, "kWh")
