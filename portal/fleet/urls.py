"""The pages of device groups, and the choice of the place to look at."""

from __future__ import annotations

from django.urls import path

from portal.fleet import group_pages, place_pages

urlpatterns = [
    path("place/", place_pages.choose, name="place"),
    path("groups/<int:group>/", group_pages.group_page, name="group"),
    path("groups/<int:group>/delete/", group_pages.group_delete, name="group-delete"),
]
