"""The demonstration's mailbox: a mail that the portal sent, read and its link pressed."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from portal.environment.mail_server import MailServer as Server
from portal.notifications import outbox
from portal.notifications.delivery import deliver_due
from portal.simulation import mailbox
from scripts.demonstration import mail_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """The demonstration's mail server in a thread; yields its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = mail_server.MailServer(folder, 0)
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        yield server.port
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def sent(settings: Settings, tmp_path: Path) -> None:
    """A mail that went through the demonstration's mail server."""
    settings.SIMULATION = tmp_path / "simulation.sock"
    with transaction.atomic():
        outbox.send("test", to="hana@example.com", language="en", context={})
    with running(tmp_path / mail_server.FOLDER) as port:
        settings.MAIL_SERVER = Server(host="127.0.0.1", port=port)
        assert deliver_due().sent == 1


def test_the_folder_is_the_one_that_the_pages_read() -> None:
    assert mail_server.FOLDER == mailbox.FOLDER


def test_a_visitor_without_a_session_reads_a_mail_and_presses_its_link(
    sent: None, client: Client
) -> None:
    page = client.get(reverse("demo-mailbox")).content.decode()
    assert "hana@example.com" in page
    assert "Test mail from Kanmon" in page
    (name,) = (path.stem for path in mailbox.folder().glob("*.eml"))  # type: ignore[union-attr]
    assert reverse("demo-mail", args=[name]) in page
    shown = client.get(reverse("demo-mail", args=[name])).content.decode()
    assert 'href="http://127.0.0.1:8000/"' in shown
    html = client.get(reverse("demo-mail-html", args=[name]))
    assert "This is a test mail." in html.content.decode()
    policy = html.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src 'none'" in policy


def test_a_key_that_is_none_leads_nowhere(sent: None, client: Client) -> None:
    for key in ("0", "1764550000000-0123abcd", "simulation"):
        assert client.get(reverse("demo-mail", args=[key])).status_code == 404


def test_without_a_simulation_there_is_no_mailbox(sent: None, settings: Settings) -> None:
    settings.SIMULATION = None
    for name, words in (("demo-mailbox", []), ("demo-mail", ["1"]), ("demo-mail-html", ["1"])):
        assert Client().get(reverse(name, args=words)).status_code == 404


def test_what_no_mail_server_would_write_is_read_nevertheless(
    settings: Settings, tmp_path: Path, client: Client
) -> None:
    settings.SIMULATION = tmp_path / "simulation.sock"
    mails = tmp_path / mailbox.FOLDER
    mails.mkdir()
    (mails / "1764550000000-0123abcd.eml").write_bytes(b"\xff\xfe\n\nno headers")
    (mails / "notes.eml").write_bytes(b"")
    assert client.get(reverse("demo-mailbox")).status_code == 200
    assert client.get(reverse("demo-mail", args=["1764550000000-0123abcd"])).status_code == 200
