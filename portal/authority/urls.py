"""Where boxes claim their place."""

from __future__ import annotations

from django.urls import path

from portal.authority import views
from provisioning.claim import PATH

urlpatterns = [path(PATH.removeprefix("/"), views.claim, name="claim")]
