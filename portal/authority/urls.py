"""Where boxes claim their place, and the pages of agent keys and codes."""

from __future__ import annotations

from django.urls import path

from portal.authority import code_pages, key_pages, views
from provisioning.claim import PATH

urlpatterns = [
    path(PATH.removeprefix("/"), views.claim, name="claim"),
    path("keys/", key_pages.keys_page, name="keys"),
    path("keys/<int:key>/revoke/", key_pages.key_revoke, name="key-revoke"),
    path("help/codes/", code_pages.codes_page, name="codes-help"),
    path("help/codes/<int:number>/", code_pages.code_page, name="code-help"),
]
