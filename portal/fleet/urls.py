"""The pages of sites, installation locations and device groups, and the choice of a place."""

from __future__ import annotations

from django.urls import path

from portal.fleet import group_pages, location_pages, place_pages, site_pages

urlpatterns = [
    path("place/", place_pages.choose, name="place"),
    path("sites/<int:site>/edit/", site_pages.site_edit, name="site-edit"),
    path("sites/<int:site>/locations/", location_pages.locations_page, name="locations"),
    path("locations/<int:location>/", location_pages.location_page, name="location"),
    path(
        "locations/<int:location>/remove/", location_pages.location_remove, name="location-remove"
    ),
    path("groups/<int:group>/", group_pages.group_page, name="group"),
    path("groups/<int:group>/delete/", group_pages.group_delete, name="group-delete"),
]
