"""A mail server, and the portal's settings that lead to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.environment.mail_server import MailServer
from tests.mail_server import mail_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from tests.mail_server import MailPeer


@pytest.fixture
def peer(settings: Settings) -> Iterator[MailPeer]:
    with mail_server() as peer:
        settings.MAIL_SERVER = MailServer(host="127.0.0.1", port=peer.port)
        settings.MAIL_SENDER = ("Kanmon", "no-reply@example.com")
        yield peer
