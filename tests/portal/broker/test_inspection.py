"""`kanmon-portal broker check`: what it finds in the files, and what in the broker that runs."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from portal.authority.errors import AuthorityError

if TYPE_CHECKING:
    from tests.portal.broker.conftest import Site

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.django_db]


def found(site: Site, *, files_only: bool = False) -> list[tuple[bool, str]]:
    from portal.broker.inspection import inspect

    return [(one.fault, str(one)) for one in inspect(site.folder, files_only=files_only)]


def test_a_broker_as_written_is_as_it_should_be(site: Site) -> None:
    assert found(site) == []


def test_a_broker_that_does_not_run_is_told(unstarted: Site) -> None:
    assert found(unstarted, files_only=True) == []
    ((fault, what),) = found(unstarted)
    assert fault
    assert f"mosquitto -c {unstarted.folder.path}/mosquitto.conf" in what


def test_a_list_that_will_end_is_an_alarm_and_one_that_ended_is_a_fault(site: Site) -> None:
    from portal.authority.actions import publish_list
    from portal.authority.models import RevocationList, Root
    from portal.broker.reloading import reload

    path = site.folder.path / "lists" / "workers.pem"
    publish_list(Root.WORKERS, timedelta(days=1))
    newest = RevocationList.objects.filter(root=Root.WORKERS).latest("number")
    path.write_text(newest.pem)
    ((fault, what),) = found(site)
    assert not fault
    assert str(path) in what
    assert "the broker refuses every client" in what
    assert f"{newest.expires_at:%Y-%m-%d at %H:%M} UTC" in what
    # Looking after it makes a new one, long before.
    RevocationList.objects.filter(pk=newest.pk).update(
        valid_from=newest.valid_from - timedelta(days=1)
    )
    reload(site.folder)
    assert found(site) == []


def test_an_ended_list_shuts_everybody_out_and_is_told(site: Site) -> None:
    from portal.authority import certificates, roots
    from portal.authority.models import Root
    from portal.broker.reloading import broker_process

    now = timezone.now()
    ended = certificates.revocation_list(
        roots.load(Root.BOXES), [], number=99, at=now - timedelta(days=8), expires=now
    )
    site.broker.stop()
    (site.folder.path / "lists" / "boxes.pem").write_text(certificates.pem(ended))
    site.broker.start()
    assert broker_process(site.folder) == site.broker.pid
    troubles = found(site)
    assert all(fault for fault, _ in troubles)
    told = "\n".join(what for _, what in troubles)
    assert "expired on" in told
    assert "its revocation list has expired" in told


def test_an_open_door_is_found(unstarted: Site) -> None:
    conf = unstarted.folder.path / "mosquitto.conf"
    text = conf.read_text()
    conf.write_text(
        text.replace("require_certificate true", "require_certificate false")
        .replace("allow_anonymous false", "allow_anonymous true")
        .replace("use_identity_as_username true\n", "")
        .replace("use_username_as_clientid true", "")
    )
    unstarted.broker.start()
    try:
        told = "\n".join(what for fault, what in found(unstarted) if fault)
    finally:
        unstarted.broker.stop()
    assert "differs from what was written" in told
    for door in ("boxes", "workers", "publisher"):
        assert f"the listener for {door} accepts a client without a certificate" in told


def test_a_key_that_others_can_read_is_found(unstarted: Site) -> None:
    key = unstarted.folder.path / "server" / "identity.pem"
    key.chmod(0o644)
    ((fault, what),) = found(unstarted, files_only=True)
    assert fault
    assert what == (
        f"{key}: every account on this machine can read the file; the file has mode 644. "
        "Run `chmod o=` on the file."
    )


def test_files_that_are_gone_are_told_and_written_again(unstarted: Site) -> None:
    for name in ("rights/boxes.acl", "lists/boxes.pem", "server/identity.pem"):
        (unstarted.folder.path / name).unlink()
    assert len(found(unstarted, files_only=True)) == 4
    unstarted.folder.write()
    assert found(unstarted, files_only=True) == []


def test_writing_again_changes_nothing(unstarted: Site) -> None:
    def content() -> dict[str, bytes]:
        files = (path for path in unstarted.folder.path.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    before = content()
    unstarted.folder.write()
    assert content() == before


def test_other_hosts_give_another_certificate(unstarted: Site) -> None:
    from portal.broker.folder import BrokerFolder

    plan = replace(unstarted.folder.plan, hosts=("mqtt.example.org", "192.0.2.7"))
    moved = BrokerFolder(path=unstarted.folder.path, plan=plan)
    assert BrokerFolder.load(moved.path) == unstarted.folder
    moved.write()
    assert BrokerFolder.load(moved.path) == moved


def test_two_listeners_on_one_port_are_refused(unstarted: Site) -> None:
    from portal.broker.folder import BrokerFolder

    plan = replace(unstarted.folder.plan, workers=unstarted.folder.plan.boxes)
    with pytest.raises(AuthorityError, match="two listeners use the port"):
        BrokerFolder(path=unstarted.folder.path, plan=plan).write()


def test_what_is_wrong_is_said_once_and_again_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from portal.broker.maintenance import FindingLog

    caplog.set_level(logging.INFO)
    findings = FindingLog()
    for troubles in (["a list ends"], ["a list ends"], []):
        findings.update(troubles)
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("ERROR", 'broker_finding finding="a list ends"'),
        ("INFO", 'broker_finding_resolved finding="a list ends"'),
    ]
