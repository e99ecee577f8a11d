"""The manual's contents and its pages."""

from __future__ import annotations

from django.urls import path

from portal.manual import views

urlpatterns = [
    path("manual/", views.contents, name="manual"),
    path("manual/<slug:page>/", views.manual_page, name="manual-page"),
]
