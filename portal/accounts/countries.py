"""Countries and their address forms.

Names come from the CLDR by way of Babel; a country is stored as ISO 3166-1 alpha-2.

Source: requirements E-4, E-11 and K-6.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from babel import Locale
from django.utils.translation import get_language

_NOT_COUNTRIES: Final = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})
"""Territories of the CLDR that are groups of countries or made up."""


@cache
def countries(language: str) -> dict[str, str]:
    """Every country's name by its code, sorted by name; ``language``: ``en`` or ``ja``."""
    names = Locale.parse(language).territories
    found = {
        code: str(name)
        for code, name in names.items()
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    }
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def country_choices() -> list[tuple[str, str]]:
    """The choices of a form in the reader's language, the likeliest first."""
    names = countries(get_language() or "en")
    first = "JP" if get_language() == "ja" else "US"
    return [(first, names[first]), *((code, name) for code, name in names.items() if code != first)]


def country_name(code: str) -> str:
    """A country's name in the reader's language; the code where it is not known."""
    return countries(get_language() or "en").get(code, code)


ADDRESS_FIELDS: Final = ("country", "postal_code", "prefecture", "city", "street")
"""The fields of an address as Japan writes it, from the largest to the smallest."""
_WESTERN: Final = ("street", "city", "prefecture", "postal_code", "country")
_REQUIRED: Final = {"JP": frozenset({"postal_code", "prefecture", "city", "street"})}


def address_order(country: str) -> tuple[str, ...]:
    """The fields of an address in the order in which a country writes them."""
    return ADDRESS_FIELDS if country in {"JP", "CN", "KR", "TW"} else _WESTERN


def required_fields(country: str) -> frozenset[str]:
    """Which fields of an address a country always has; not every country has postal codes."""
    return _REQUIRED.get(country, frozenset({"city", "street"}))
