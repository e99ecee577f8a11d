"""The page of a device group: renaming and deleting it.

Whoever may see a device may say in which group it is, and so may name the group too: these are
words for people, they change nothing at a site (`portal.fleet.actions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as later
from django.views.decorators.http import require_http_methods, require_POST

from portal.fleet.actions import delete_group, rename_group
from portal.fleet.models import DeviceGroup
from portal.fleet.names import GROUP_NAME_WIDTH, FleetError
from portal.web.error_text import error_text
from portal.web.live import private
from portal.web.revision import RevisedForm

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class GroupForm(RevisedForm):
    """A group's name; `portal.fleet.actions.rename_group` checks what is in it."""

    name = forms.CharField(label=later("Name"), max_length=GROUP_NAME_WIDTH, required=False)


def _group(request: HttpRequest, group: int) -> DeviceGroup:
    scope = DeviceGroup.objects.visible_to(request.user).select_related("organization")
    if request.method == "POST":  # of two saves at once, the second sees what the first stored
        scope = scope.select_for_update(of=("self",))
    return get_object_or_404(scope, pk=group)


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def group_page(request: HttpRequest, group: int) -> HttpResponse:
    """The page of a group: the form with its name, how many devices it has, the delete button."""
    found = _group(request, group)
    title = found.name
    form = GroupForm(request.POST or None, initial={"name": title})
    if request.method == "POST" and form.is_valid():
        try:
            rename_group(found, form.cleaned_data["name"], actor=request.user)
        except FleetError as error:
            form.add_error("name", error_text(error))
        else:
            return redirect("group", group=found.pk)
    context: dict[str, Any] = {"group": found, "title": title, "form": form}
    context["count"] = found.devices.count()
    return private(render(request, "fleet/group.html", context))


@require_POST
@transaction.atomic
def group_delete(request: HttpRequest, group: int) -> HttpResponse:
    """Delete a group; its devices stay."""
    delete_group(_group(request, group), actor=request.user)
    return redirect("devices")
