"""The pages where people describe devices and group them."""

from __future__ import annotations

from django.urls import path

from portal.fleet import device_edit, group_pages

urlpatterns = [
    path("devices/<int:device>/edit/", device_edit.device_edit, name="device-edit"),
    path("groups/<int:group>/", group_pages.group_page, name="group"),
    path("groups/<int:group>/delete/", group_pages.group_delete, name="group-delete"),
]
