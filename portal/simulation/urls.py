"""The strip's live fragment and its buttons, and the demonstration's mailbox."""

from __future__ import annotations

from django.urls import path

from portal.simulation import mailbox_views, views

urlpatterns = [
    path("simulation/live/", views.live, name="simulation-live"),
    path("simulation/break/", views.inject_or_end, name="simulation-break"),
    path("simulation/mail/", mailbox_views.mailbox, name="demo-mailbox"),
    path("simulation/mail/<slug:key>/", mailbox_views.mail, name="demo-mail"),
    path("simulation/mail/<slug:key>/html/", mailbox_views.mail_html, name="demo-mail-html"),
]
