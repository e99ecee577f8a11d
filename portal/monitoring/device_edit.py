"""The form in which people describe a device: its name, location, group and kind.

Every member may: these are words for people, they change nothing at the device or its gateway, and
whoever carried a printer to another floor knows where it stands. Who may see it may say it
(requirements E-24, C-19).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later
from django.views.decorators.http import require_http_methods

from portal.fleet.actions import Description, DescriptionError, describe_device
from portal.fleet.kinds import DeviceKind
from portal.fleet.models import GATEWAY_DEVICE, Device
from portal.fleet.words import DEVICE_KINDS
from portal.monitoring.device_kind import derived_kind
from portal.monitoring.device_rows import READINGS, first_supplies, first_values
from portal.web.error_text import error_text
from portal.web.live import private
from portal.web.revision import RevisedForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

_LONGEST: Final = 100


class DescriptionForm(RevisedForm):
    """The fields of `portal.fleet.actions.Description`, which checks what is in them."""

    name = forms.CharField(label=later("Name"), max_length=_LONGEST, required=False)
    location = forms.ChoiceField(label=later("Location"), required=False)
    group = forms.CharField(
        label=later("Group"),
        max_length=_LONGEST,
        required=False,
        help_text=later(
            "Choose a group or enter a new one. If left empty, the device belongs to no group."
        ),
    )
    kind = forms.ChoiceField(label=later("Device type"), required=False)

    def __init__(self, device: Device, derived: DeviceKind, data: Any = None) -> None:
        said = {
            "name": device.given_name,
            "location": str(device.location or ""),
            "group": device.group or "",
            "kind": device.kind_given,
        }
        super().__init__(data, initial=said)
        found = _("Automatic: %(kind)s") % {"kind": DEVICE_KINDS[derived]}
        self._choose("kind", found, [(kind.value, DEVICE_KINDS[kind]) for kind in DeviceKind])
        names = device.gateway.site.installation_locations.values_list("name", flat=True)
        self._choose("location", _("Not specified"), [(name, name) for name in names])
        own = device.label or device.name
        self.fields["name"].widget.attrs["placeholder"] = own
        self.fields["name"].help_text = _("If left empty, “%(name)s” is shown.") % {"name": own}
        self.fields["group"].widget.attrs["list"] = "groups"
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def _choose(self, name: str, nothing: str, choices: Sequence[tuple[str, Any]]) -> None:
        """The choices of a field; ``nothing`` stands for none of them."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", nothing), *choices]

    def description(self) -> Description:
        """What the form holds, for `portal.fleet.actions.describe_device`."""
        return Description(**self.cleaned_data)


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def device_edit(request: HttpRequest, device: int) -> HttpResponse:
    """The page of the form; gateways have none, because their name is set where they are set up."""
    scope = Device.objects.visible_to(request.user).exclude(name=GATEWAY_DEVICE)
    scope = scope.select_related("gateway__site__organization", "group", "location")
    if request.method == "POST":  # of two saves at once, the second sees what the first stored
        scope = scope.select_for_update(of=("self",))
    found = get_object_or_404(scope, pk=device)
    title, derived = str(found), _derived(found)
    form = DescriptionForm(found, derived, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            describe_device(found, form.description(), actor=request.user)
        except DescriptionError as error:
            for field, fault in error.faults.items():
                form.add_error(field, error_text(fault))
        else:
            return redirect("device", device=found.pk)
    groups = found.gateway.site.organization.device_groups.all()
    context = {"device": found, "title": title, "form": form, "groups": groups}
    return private(render(request, "monitoring/device_edit.html", context))


def _derived(device: Device) -> DeviceKind:
    """The kind of ``device`` where nobody chose one."""
    latest = first_values([device.pk], READINGS)[device.pk]
    return derived_kind(device, latest, first_supplies([device.pk])[device.pk])
