"""A gateway's box, and an administrator of its organization who is signed in."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Membership, Organization, Role, User
from portal.fleet.models import Box
from tests.portal.ingest.sender import new_box


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def box() -> Box:
    return new_box()


@pytest.fixture
def administrator(client: Client, box: Box) -> Client:
    organization = Organization.objects.get(sites__gateways=box.gateway)
    user = User.objects.create_user("reader@example.com", "a password that is long")
    Membership.objects.create(user=user, organization=organization, role=Role.ADMINISTRATOR)
    client.force_login(user)
    return client
