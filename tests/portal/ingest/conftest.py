"""Boxes for the ingest's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.fleet.models import Box
    from tests.portal.ingest.sender import Sender


@pytest.fixture
def box(transactional_db: None) -> Box:
    """A box that the portal knows."""
    from tests.portal.ingest.sender import new_box

    return new_box()


@pytest.fixture
def sender(box: Box) -> Sender:
    """What that box's spool sends, before it has sent anything."""
    from tests.portal.ingest.sender import Sender

    return Sender(box.box_id)


@pytest.fixture
def dated(sender: Sender) -> Sender:
    """The same, once its table and its clock are known."""
    from portal.ingest.store import ingest
    from tests.portal.ingest.sender import METER

    ingest([sender.tables(METER), sender.clock()])
    return sender


@pytest.fixture
def upgrade(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Makes this portal another one, that may judge records differently."""
    from portal.ingest import quarantine, rejections, tables, vocabulary

    return lambda: [
        monkeypatch.setattr(module, "fingerprint", lambda: "another")
        for module in (vocabulary, quarantine, tables, rejections)
    ]


@pytest.fixture
def hostile(transactional_db: None) -> Sender:
    """Another customer's box, with its table and clock."""
    from portal.ingest.store import ingest
    from tests.portal.ingest.sender import METER, Sender, new_box

    other = Sender(new_box().box_id)
    ingest([other.tables(METER), other.clock()])
    return other


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, every record is tried."""
    from portal.ingest import suspects

    monkeypatch.setattr(suspects, "ISOLATION_S", 3_600.0)
