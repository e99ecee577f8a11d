"""The pages of sites' details and of device groups, and the choice of the place to look at."""

from __future__ import annotations

from django.urls import path

from portal.fleet import group_pages, place_pages, site_pages

urlpatterns = [
    path("place/", place_pages.choose, name="place"),
    path("sites/<int:site>/edit/", site_pages.site_edit, name="site-edit"),
    path("groups/<int:group>/", group_pages.group_page, name="group"),
    path("groups/<int:group>/delete/", group_pages.group_delete, name="group-delete"),
]
