"""What administrators say of a site: where it is, whom to ask, when its month closes. Pure.

Source: design section 8.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from console.text import Template
from portal.fleet.names import FleetError, check_length, check_name, check_visible, tidy

COORDINATES_FORM: Final = Template("site.coordinates_form", "'{text}' is not a pair of coordinates")
WRITE_COORDINATES: Final = Template(
    "site.write_coordinates",
    "enter the latitude and the longitude in decimal degrees, separated by a comma, such as "
    "{example}",
)
LATITUDE_RANGE: Final = Template(
    "site.latitude_range", "the latitude {value} is not between -90 and 90 degrees"
)
LATITUDE_FIRST: Final = Template(
    "site.latitude_first", "enter the latitude first, then the longitude"
)
LONGITUDE_RANGE: Final = Template(
    "site.longitude_range", "the longitude {value} is not between -180 and 180 degrees"
)
CHECK_LONGITUDE: Final = Template("site.check_longitude", "check the longitude")
CLOSING_DAY_RANGE: Final = Template(
    "site.closing_day_range", "the closing day {day} is not between 1 and 31"
)
CHOOSE_CLOSING_DAY: Final = Template(
    "site.choose_closing_day", "choose a day of the month, or its end"
)

EXAMPLE: Final = "35.681236, 139.767125"
END_OF_MONTH: Final = 31
"""The closing day that is the last day of every month."""
_PLACES: Final = Decimal("0.000001")
"""Eleven centimetres at the equator."""
_NUMBER: Final = r"([+-]?[0-9]{1,3}(?:\.[0-9]{1,20})?)°?"
_PAIR: Final = re.compile(rf"{_NUMBER}(?:\s*[,、]\s*|\s+){_NUMBER}")
_MINUS: Final = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """A place on the earth in decimal degrees (WGS 84), with six decimals."""

    latitude: Decimal
    longitude: Decimal

    def __str__(self) -> str:
        return f"{self.latitude}, {self.longitude}"


def read_coordinates(text: str) -> Coordinates | None:
    """Coordinates as map services show them (``35.681236, 139.767125``); ``None`` for none.

    Full-width digits are converted. Raises `FleetError`.
    """
    tidied = tidy(unicodedata.normalize("NFKC", text)).replace(_MINUS, "-")
    if not tidied:
        return None
    found = _PAIR.fullmatch(tidied)
    if found is None:
        raise FleetError(
            COORDINATES_FORM(text=tidied[:100]), next_step=WRITE_COORDINATES(example=EXAMPLE)
        )
    latitude, longitude = (Decimal(one).quantize(_PLACES) + 0 for one in found.groups())
    check_coordinates(latitude, longitude)
    return Coordinates(latitude=latitude, longitude=longitude)


def check_coordinates(latitude: Decimal, longitude: Decimal) -> None:
    """Raise `FleetError` for degrees that are nowhere on the earth."""
    if abs(latitude) > 90:
        raise FleetError(
            LATITUDE_RANGE(value=f"{latitude.normalize():f}"), next_step=LATITUDE_FIRST()
        )
    if abs(longitude) > 180:
        raise FleetError(
            LONGITUDE_RANGE(value=f"{longitude.normalize():f}"), next_step=CHECK_LONGITUDE()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDetails:
    """What administrators say of a site; as the columns of `portal.fleet.models.Site`."""

    name: str
    country: str = ""
    postal_code: str = ""
    prefecture: str = ""
    city: str = ""
    street: str = ""
    contact: str = ""
    phone: str = ""
    coordinates: Coordinates | None = None
    closing_day: int = END_OF_MONTH

    def check(self) -> None:
        """Raise `FleetError` for a name, a text, coordinates or a day that cannot be."""
        check_name(self.name)
        check_visible(self.name)
        for text in (self.prefecture, self.city, self.contact):
            check_visible(text)
            check_length(text)
        for text in (self.country, self.postal_code, self.street, self.phone):
            check_visible(text)
        if self.coordinates:
            check_coordinates(self.coordinates.latitude, self.coordinates.longitude)
        if not 1 <= self.closing_day <= END_OF_MONTH:
            raise FleetError(
                CLOSING_DAY_RANGE(day=self.closing_day), next_step=CHOOSE_CLOSING_DAY()
            )
