"""Countries and regions that a person can choose, by their ISO 3166-1 alpha-2 code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

REGIONS: Final[dict[str, _StrPromise]] = {
    "JP": _("Japan"),
    "AU": _("Australia"),
    "CA": _("Canada"),
    "CN": _("China"),
    "FR": _("France"),
    "DE": _("Germany"),
    "HK": _("Hong Kong"),
    "IN": _("India"),
    "ID": _("Indonesia"),
    "IT": _("Italy"),
    "KR": _("Korea"),
    "MY": _("Malaysia"),
    "NL": _("Netherlands"),
    "NZ": _("New Zealand"),
    "PH": _("Philippines"),
    "SG": _("Singapore"),
    "ES": _("Spain"),
    "TW": _("Taiwan"),
    "TH": _("Thailand"),
    "GB": _("United Kingdom"),
    "US": _("United States"),
    "VN": _("Vietnam"),
}
