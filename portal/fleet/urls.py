"""The pages of device groups."""

from __future__ import annotations

from django.urls import path

from portal.fleet import group_pages

urlpatterns = [
    path("groups/<int:group>/", group_pages.group_page, name="group"),
    path("groups/<int:group>/delete/", group_pages.group_delete, name="group-delete"),
]
