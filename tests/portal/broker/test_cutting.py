"""Whose session is cut, whose is not, and what is remembered of it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from cloud_link import topics
from cloud_link.mqtt import connect
from cloud_link.topics import Down

if TYPE_CHECKING:
    from tests.portal.broker.conftest import Site

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.django_db]

A = "b-aaaaaaaaaa"
SOON_S = 20.0


def test_a_box_that_renewed_its_certificate_is_not_cut_when_the_old_one_ends(site: Site) -> None:
    from portal.authority.models import IssuedCertificate
    from portal.broker.reloading import reload

    site.box(A)
    newer = site.box(A)
    certificates = IssuedCertificate.objects.filter(subject=A)
    first = certificates.first()
    assert first is not None
    certificates.filter(pk=first.pk).update(ends_at=timezone.now() - timedelta(hours=1))

    loop = asyncio.new_event_loop()
    session_of_a = connect(site.address("boxes", newer), A)
    try:
        session = loop.run_until_complete(session_of_a.__aenter__())
        assert A not in reload(site.folder, anyway=True).cut
        loop.run_until_complete(session.subscribe(topics.down(A, Down.ACK)))  # it lives
        certificates.update(ends_at=timezone.now() - timedelta(seconds=1))
        assert reload(site.folder).cut == (A,)
        loop.run_until_complete(asyncio.wait_for(session.wait_closed(), SOON_S))
    finally:
        loop.close()
    assert reload(site.folder).cut == ()


def test_who_was_cut_is_remembered_though_another_could_not_be(site: Site) -> None:
    from portal.authority.models import IssuedCertificate
    from portal.broker.reloading import KEPT, reload

    site.box(A)
    site.box("b-bbbbbbbbbb")
    # The broker refuses a session without a name, and so cannot cut one.
    IssuedCertificate.objects.filter(subject="b-bbbbbbbbbb").update(subject="")
    IssuedCertificate.objects.update(revoked_at=timezone.now())
    done = reload(site.folder)
    assert A in done.cut
    (uncut,) = done.uncut
    assert uncut.startswith(" could not be cut: ")
    kept = json.loads((site.folder.path / KEPT).read_bytes())["cut"]
    nameless = IssuedCertificate.objects.get(subject="")
    assert f"boxes:{nameless.serial}" not in kept
    again = reload(site.folder)
    assert (again.signalled, again.cut, len(again.uncut)) == (False, (), 1)
    IssuedCertificate.objects.filter(pk=nameless.pk).update(subject="b-bbbbbbbbbb")
    last = reload(site.folder)
    assert (last.cut, last.uncut) == (("b-bbbbbbbbbb",), ())
    assert reload(site.folder).cut == ()
