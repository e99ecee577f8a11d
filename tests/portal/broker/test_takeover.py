"""Whose session is disconnected, whose is not, and what is remembered of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from cloud_link import topics
from cloud_link.mqtt.broker import MqttError
from cloud_link.mqtt.connect import connect
from cloud_link.mqtt.session import Session
from cloud_link.topics import Down

if TYPE_CHECKING:
    from cloud_link.mqtt.broker import Identity
    from tests.portal.broker.company import Company
    from tests.portal.broker.conftest import Site

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.django_db]

A = "b-aaaaaaaaaa"
SOON_S = 20.0


@contextmanager
def a_session(site: Site, identity: Identity) -> Iterator[tuple[asyncio.Runner, Session]]:
    """A box's open session, and the loop it lives in between the steps of a test."""
    with asyncio.Runner() as runner:
        manager = connect(site.address("boxes", identity), A)
        yield runner, runner.run(manager.__aenter__())


async def ended(session: Session) -> None:
    await asyncio.wait_for(session.wait_closed(), SOON_S)


async def come_again(site: Site, identity: Identity) -> None:
    async with connect(site.address("boxes", identity), A):
        pass


def test_who_is_revoked_while_the_lists_are_brought_is_cut_for_good(site: Site) -> None:
    from portal.authority.actions import revoke_box
    from portal.broker.folder import BrokerFolder
    from portal.broker.reloading import reload

    class RacingFolder(BrokerFolder):
        """Another process revokes the box once the lists have been brought."""

        def renew_server(self) -> None:
            revoke_box(A)
            super().renew_server()

    box = site.box(A)
    reload(site.folder, force=True)
    with a_session(site, box) as (runner, session):
        racing = RacingFolder(path=site.folder.path, plan=site.folder.plan)
        # Disconnected under the list of before it would only come back, and count as done.
        assert reload(racing, force=True).disconnected == ()
        runner.run(session.subscribe(topics.down(A, Down.ACK)))  # it lives
        assert reload(site.folder).disconnected == (A,)
        runner.run(ended(session))
        with pytest.raises(MqttError, match="revoked"):
            runner.run(come_again(site, box))
    assert reload(site.folder).disconnected == ()


def test_a_root_that_is_gone_keeps_nobody_of_another_from_being_cut(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    from portal.authority import roots
    from portal.authority.actions import revoke_box
    from portal.authority.models import Root
    from portal.broker.maintenance import FindingLog, turn
    from portal.broker.reloading import reload

    box = site.box(A)
    reload(site.folder, force=True)
    gone = roots.path_of(Root.PUBLISHER)
    away = gone.rename(gone.with_suffix(".away"))
    caplog.set_level(logging.INFO)
    findings = FindingLog()
    with a_session(site, box) as (runner, session):
        revoke_box(A)
        for _ in range(3):
            findings.update(turn(site.folder))
        runner.run(ended(session))
        with pytest.raises(MqttError, match="revoked"):
            runner.run(come_again(site, box))
    away.rename(gone)
    findings.update(turn(site.folder))
    told = [(one.levelname, one.message) for one in caplog.records if "publisher" in one.message]
    what = f"{gone}: the root for publisher does not exist. Run `kanmon-portal authority init`."
    assert told == [
        ("ERROR", f'broker_finding finding="{what}"'),
        ("INFO", f'broker_finding_resolved finding="{what}"'),
    ]


def test_without_the_boxes_root_a_worker_is_cut_and_a_box_follows(site: Site) -> None:
    from portal.authority import roots
    from portal.authority.actions import revoke_named
    from portal.authority.models import IssuedCertificate, Root
    from portal.broker.reloading import reload

    site.box(A)
    site.worker("ingest-1")
    reload(site.folder, force=True)
    gone = roots.path_of(Root.BOXES)
    away = gone.rename(gone.with_suffix(".away"))
    # As an action leaves it that could not make the list: on record, and not in it.
    IssuedCertificate.objects.filter(subject=A).update(revoked_at=timezone.now())
    revoke_named(Root.WORKERS, "ingest-1")
    done = reload(site.folder)
    assert done.signalled
    assert done.disconnected == ("worker.ingest-1",)
    (left,) = done.still_connected
    assert (str(left.what), str(left.why)) == (
        f"the session of {A} could not be ended",
        "the revocation list for boxes does not contain its certificate yet",
    )
    (failure,) = done.failures  # of its list, and of the server's certificate
    assert failure.where == str(gone)
    away.rename(gone)
    last = reload(site.folder)
    assert (last.disconnected, last.still_connected, last.failures) == ((A,), (), ())


def test_what_could_not_be_done_is_told_with_why_the_broker_was_not(unstarted: Site) -> None:
    from portal.authority import roots
    from portal.authority.models import Root
    from portal.broker.reloading import ReloadError, reload

    roots.path_of(Root.PUBLISHER).chmod(0o644)
    with pytest.raises(ReloadError) as raised:
        reload(unstarted.folder)
    exposed, stopped = raised.value.failures
    assert str(exposed.what) == "other accounts can read the root for publisher"
    assert exposed.where.endswith("publisher.pem")
    assert str(stopped.what) == "no broker is running with this configuration"


def test_the_command_names_the_root_and_says_that_it_is_done_in_part(company: Company) -> None:
    company.run("authority", "issue-worker", "ingest-1")
    company.run("authority", "revoke", "ingest-1", "--root", "workers")
    gone = company.portal.state / "authority" / "publisher.pem"
    gone.unlink()
    done = company.portal("broker", "reload", str(company.broker_folder), **company.variables)
    assert done.returncode == 1, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "The broker has reloaded its lists; disconnected: worker.ingest-1"
    assert second.startswith(f"{gone}: the root for publisher does not exist.")
    found = company.portal("broker", "check", str(company.broker_folder))
    assert found.returncode == 2
    assert found.stdout.count("wrong: ") == found.stdout.count(f"{gone}: ") == 1


def test_a_box_that_renewed_its_certificate_is_not_cut_when_the_old_one_ends(site: Site) -> None:
    from portal.authority.models import IssuedCertificate
    from portal.broker.reloading import reload

    site.box(A)
    newer = site.box(A)
    certificates = IssuedCertificate.objects.filter(subject=A)
    first = certificates.first()
    assert first is not None
    certificates.filter(pk=first.pk).update(expires_at=timezone.now() - timedelta(hours=1))

    loop = asyncio.new_event_loop()
    session_of_a = connect(site.address("boxes", newer), A)
    try:
        session = loop.run_until_complete(session_of_a.__aenter__())
        assert A not in reload(site.folder, force=True).disconnected
        loop.run_until_complete(session.subscribe(topics.down(A, Down.ACK)))  # it lives
        certificates.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert reload(site.folder).disconnected == (A,)
        loop.run_until_complete(asyncio.wait_for(session.wait_closed(), SOON_S))
    finally:
        loop.close()
    assert reload(site.folder).disconnected == ()


def test_who_was_cut_is_remembered_though_another_could_not_be(site: Site) -> None:
    from portal.authority.models import IssuedCertificate
    from portal.broker.reloading import STATE, reload

    site.box(A)
    site.box("b-bbbbbbbbbb")
    # The broker refuses a session without a name, and so cannot take one over.
    IssuedCertificate.objects.filter(subject="b-bbbbbbbbbb").update(subject="")
    IssuedCertificate.objects.update(revoked_at=timezone.now())
    done = reload(site.folder)
    assert A in done.disconnected
    (left,) = done.still_connected
    assert left.what.id == "broker.not_disconnected"
    kept = json.loads((site.folder.path / STATE).read_bytes())["disconnected"]
    nameless = IssuedCertificate.objects.get(subject="")
    assert f"boxes:{nameless.serial}" not in kept
    again = reload(site.folder)
    assert (again.signalled, again.disconnected, len(again.still_connected)) == (False, (), 1)
    IssuedCertificate.objects.filter(pk=nameless.pk).update(subject="b-bbbbbbbbbb")
    last = reload(site.folder)
    assert (last.disconnected, last.still_connected) == (("b-bbbbbbbbbb",), ())
    assert reload(site.folder).disconnected == ()
