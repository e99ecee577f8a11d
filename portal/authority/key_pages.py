"""Agent keys on a page: an administrator issues one, reads it out or prints it, and revokes it.

A key is shown in the answer to the form that asked for it and never again: nothing keeps it.

Source: requirements E-25 and E-27; design section 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.models import Organization
from portal.accounts.second_factor import require_recent_sign_in
from portal.authority import qr_code
from portal.authority.errors import AuthorityError
from portal.authority.expiry_notices import expiry_notices
from portal.authority.keys import Author, IssuedKey, KeyRequest, issue_key, revoke_key, state_of
from portal.authority.models import AgentKey
from portal.fleet.models import Site
from portal.fleet.names import FleetError, check_time_zone
from portal.web.error_text import error_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import _StrPromise

    from portal.accounts.models import User

STATES: Final[dict[str, _StrPromise]] = {
    "open": _("Valid"),
    "used": _("Used"),
    "expired": _("Expired"),
    "revoked": _("Revoked"),
}
_MOST_DAYS: Final = 90
_LISTED: Final = 50
_OFFERED: Final = 100
"""How many sites, the newest, the form suggests; another one is written."""


class KeyForm(forms.Form):
    """What a new key is for."""

    organization = forms.ModelChoiceField(Organization.objects.none(), label=_("Organization"))
    site = forms.CharField(label=_("Site"), max_length=100)
    time_zone = forms.CharField(label=_("Time zone of a new site"), max_length=64, required=False)
    gateway = forms.CharField(
        label=_("Name of the gateway"),
        max_length=100,
        required=False,
        help_text=_("If left empty, the box's ID is used."),
    )
    uses = forms.IntegerField(label=_("Number of boxes"), min_value=1, max_value=1000, initial=1)
    days = forms.IntegerField(label=_("Days valid"), min_value=1, max_value=_MOST_DAYS, initial=7)

    def __init__(self, user: User | AnonymousUser, data: Any = None) -> None:
        organizations = Organization.objects.installed_by(user)
        sites = Site.objects.filter(organization__in=organizations)
        newest = sites.order_by("-pk").first()
        zone = newest.time_zone if newest else "Asia/Tokyo"
        super().__init__(data, initial={"organization": organizations.first(), "time_zone": zone})
        choice = self.fields["organization"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset, choice.empty_label = organizations, None
        names = sites.order_by("-pk").values_list("name", flat=True)
        self.sites: Sequence[str] = sorted(set(names[:_OFFERED]))
        self.alone = organizations.count() == 1
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"
        self.fields["site"].widget.attrs["list"] = "sites"

    def clean_time_zone(self) -> str:
        """An IANA time zone."""
        zone: str = self.cleaned_data["time_zone"].strip()
        try:
            check_time_zone(zone)
        except FleetError as error:
            raise ValidationError(error_text(error)) from error
        return zone

    def key_request(self) -> KeyRequest:
        """The form's request, as `portal.authority.keys` takes it."""
        given = self.cleaned_data
        return KeyRequest(
            organization=given["organization"].name,
            site=given["site"],
            time_zone=given["time_zone"],
            gateway=given["gateway"],
            uses=given["uses"],
            life=timedelta(days=given["days"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key in the list."""

    key: AgentKey
    state: str

    @property
    def words(self) -> str:
        """The state of the key, in the reader's language."""
        return str(STATES[self.state])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just issued, and its picture for a telephone's camera."""

    issued: IssuedKey
    picture: SafeString

    @property
    def groups(self) -> list[str]:
        """The key in the groups in which it is read out; they make the key when put together."""
        code, at, address = self.issued.text.partition("@")
        return [*re.findall(r"[^-]+-?", code), at + address]

    @property
    def command(self) -> str:
        """The whole command that enrols a box with the key, as it is pasted at the box."""
        return f"kanmon enroll {self.issued.text}"


@require_http_methods(["GET", "HEAD", "POST"])
def keys_page(request: HttpRequest) -> HttpResponse:
    """The keys of the organizations a person administers, and a form for one more."""
    administered = Organization.objects.installed_by(request.user)
    if not request.user.is_authenticated or not administered.exists():
        raise PermissionDenied
    form, new, refused = KeyForm(request.user), None, ""
    if request.method == "POST":
        form = KeyForm(request.user, request.POST)
        if form.is_valid():
            require_recent_sign_in(request)
            try:
                new = _new(issue_key(form.key_request(), Author.of(request.user)))
                form = KeyForm(request.user)
            except (AuthorityError, FleetError) as error:
                refused = error_text(error)
    keys = AgentKey.objects.filter(site__organization__in=administered)
    rows = [
        KeyRow(key=key, state=state_of(key))
        for key in keys.select_related("site").order_by("-pk")[:_LISTED]
    ]
    context: dict[str, Any] = {"form": form, "new": new, "refused": refused, "rows": rows}
    context["notices"] = expiry_notices(request.user, timezone.now())
    response = render(request, "authority/keys.html", context, status=409 if refused else 200)
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_POST
def key_revoke(request: HttpRequest, key: int) -> HttpResponse:
    """Revoke a key; boxes that used it keep their certificates."""
    administered = Organization.objects.installed_by(request.user)
    scope = AgentKey.objects.filter(site__organization__in=administered)
    found = get_object_or_404(scope, pk=key)
    require_recent_sign_in(request)
    revoke_key(found.key_id, actor=request.user)
    return redirect("keys")


def _new(issued: IssuedKey) -> NewKey:
    return NewKey(issued=issued, picture=mark_safe(qr_code.inline(issued.text)))  # noqa: S308 # made by segno from a key of our own
