"""The strip: only where sites are simulated, and what its buttons and its books say."""

from __future__ import annotations

import html
import re
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cloud_link.wire import Lane
from portal.environment.errors import SettingsError
from portal.fleet.models import Box, Gateway
from portal.ingest.models import Epoch, Latest, Receipt
from portal.simulation.actions import mark_simulated
from portal.simulation.models import SimulatedHistory
from portal.simulation.strip import FAULTS
from tests.portal.simulation.fake_world import NAMES, FakeWorld, fake_world
from tests.portal.variables import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from tests.portal.web.seed import SeedIds

LIVE, BREAK = "simulation-live", "simulation-break"
EPOCH = bytes(range(8))


@pytest.fixture
def world(tmp_path: Path, settings: Settings) -> Iterator[FakeWorld]:
    settings.SIMULATION = tmp_path / "s"
    with fake_world(tmp_path / "s") as made:
        yield made


def words(response: Any) -> str:
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(text).split())


def status(box: str, accepted: int, waiting: int = 0) -> dict[str, Any]:
    def each(count: int) -> dict[str, int]:
        return {lane.name.lower(): count if lane is Lane.DATA else 0 for lane in Lane}

    spool = {
        "epoch": EPOCH.hex(),
        "next": each(accepted),
        "accepted": each(accepted),
        "waiting": each(waiting),
    }
    return {"box": box, "spool": spool}


def receipts(box_id: str, count: int) -> None:
    epoch = Epoch.objects.create(box=Box.objects.get(box_id=box_id), epoch=EPOCH, ordinal=1)
    Receipt.objects.bulk_create(
        Receipt(epoch=epoch, lane=Lane.DATA, seq=seq, hash=seq * 7, at=0) for seq in range(count)
    )


def test_where_nothing_is_simulated_there_is_no_strip(owner: Client) -> None:
    page = owner.get(reverse("overview"))
    assert page.status_code == 200
    assert b"simulation" not in page.content
    assert owner.get(reverse(LIVE)).status_code == 404
    assert owner.post(reverse(BREAK), {"what": "jam", "do": "break"}).status_code == 404


def test_a_portal_that_others_reach_cannot_be_simulated() -> None:
    variables = {
        "KANMON_SIMULATION": "/tmp/s",  # noqa: S108 - nothing is made there
        "KANMON_PORTAL_URL": "https://portal.example.com",
    }
    with pytest.raises(SettingsError, match="for this machine only"):
        read_settings(variables)
    assert read_settings({"KANMON_SIMULATION": "/run/s"}).simulation == Path("/run/s")
    assert read_settings({}).simulation is None


def test_every_trouble_has_a_button_and_the_table_knows_all(
    world: FakeWorld, owner: Client
) -> None:
    assert set(FAULTS) == set(NAMES)
    page = owner.get(reverse("overview"))
    for name, said in FAULTS.items():
        assert f'id="fault-{name}"' in page.content.decode()
        assert str(said.button) in words(page)
        assert str(said.hint) in words(page)
    assert b"<script>" not in page.content


def test_a_button_breaks_and_mends_and_says_for_how_long(world: FakeWorld, owner: Client) -> None:
    cut, mend = ({"what": "internet", "do": do} for do in ("break", "mend"))
    for _twice in range(2):
        pressed = owner.post(reverse(BREAK), cut, headers={"HX-Request": "true"})
    last = world.requests[-1]
    assert (last.method, last.named_params()) == ("break", {"what": "internet"})
    assert '<input type="hidden" name="do" value="mend">' in pressed.content.decode()
    assert "The internet connection is down · 20 s left" in words(pressed)
    assert "Restore the connection" in words(pressed)
    assert "The internet connection is down" in words(owner.get(reverse(LIVE)))

    mended = owner.post(reverse(BREAK), mend)
    assert (mended.status_code, mended.headers["Location"]) == (302, reverse("overview"))
    assert "The internet connection is down" not in words(owner.get(reverse(LIVE)))


def test_what_cannot_be_mended_is_waited_for(world: FakeWorld, owner: Client) -> None:
    world.on = {"gateway"}
    assert '<button class="secondary" disabled>' in owner.get(reverse(LIVE)).content.decode()


def test_only_what_is_known_is_asked_for(world: FakeWorld, owner: Client) -> None:
    for what in ("", "everything", "jam;"):
        assert owner.post(reverse(BREAK), {"what": what, "do": "break"}).status_code == 404
    for do in ("", "state", "stop"):
        assert owner.post(reverse(BREAK), {"what": "jam", "do": do}).status_code == 404
    assert world.requests == []


def test_a_form_from_elsewhere_is_refused(world: FakeWorld, owner: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.cookies
    assert strict.post(reverse(BREAK), {"what": "jam", "do": "break"}).status_code == 403
    assert world.requests == []


def test_a_world_that_is_away_is_said_so(owner: Client, settings: Settings, tmp_path: Path) -> None:
    settings.SIMULATION = tmp_path / "nobody"
    assert "The demo sites do not respond." in words(owner.get(reverse("overview")))
    assert "do not respond" in words(
        owner.post(reverse(BREAK), {"what": "jam", "do": "break"}, headers={"HX-Request": "true"})
    )


def test_the_books_are_counted_and_a_loss_and_a_doubling_show(
    world: FakeWorld, owner: Client
) -> None:
    box = Box.objects.get(gateway__name="Plant room").box_id
    receipts(box, 1204)
    world.gateways = [status(box, 1204)]
    assert "accepted 1,204 = stored 1,204 , lost 0, duplicates 0" in words(owner.get(reverse(LIVE)))

    world.gateways = [status(box, 1304, waiting=100)]
    said = words(owner.get(reverse(LIVE)))
    assert "accepted 1,304 = stored 1,204 + waiting 100 , lost 0, duplicates 0" in said

    world.gateways = [status(box, 1204)]
    Receipt.objects.get(seq=77).delete()
    page = owner.get(reverse(LIVE))
    assert "accepted 1,204 = stored 1,203 + lost 1 , lost 1, duplicates 0" in words(page)
    counts = (
        b'data-accepted="1204" data-stored="1203" data-waiting="0" data-refused="0" data-lost="1"'
    )
    assert counts in page.content, "the demonstration reads them there"
    assert b'class="ledger-line tone-error"' in page.content

    Receipt.objects.create(
        epoch=Epoch.objects.get(epoch=EPOCH), lane=Lane.DATA, seq=77, hash=7 * 78, at=0
    )
    assert "stored 1,204 , lost 0, duplicates 1" in words(owner.get(reverse(LIVE)))


def test_the_books_of_others_are_not_shown(world: FakeWorld, stranger: Client) -> None:
    world.gateways = [status(Box.objects.get(gateway__name="Plant room").box_id, 7)]
    page = stranger.get(reverse(LIVE))
    assert b'id="ledger"' not in page.content
    assert "Main incomer" not in words(page)


def test_lines_of_meters_are_drawn_and_a_gap_is_shaded(world: FakeWorld, owner: Client) -> None:
    page = owner.get(reverse(LIVE)).content.decode()
    lines = re.findall(r'<li id="line-\d+".*?</li>', page, re.DOTALL)
    by_name = {next(n for n in ("Main", "Compressor", "Cold", "PV") if n in x): x for x in lines}
    assert set(by_name) == {"Main", "Compressor", "Cold", "PV"}
    assert 'class="broken"' not in by_name["Main"]
    assert re.search(r'<path d="M[\d.]+ [\d.]+H', by_name["Main"])
    assert 'class="broken"' in by_name["PV"], "its gateway fell silent long ago"
    assert 'class="void" x="0.0" y="0" width="240.0"' in by_name["PV"]


def test_what_the_strip_asks_does_not_grow_with_the_meters(
    world: FakeWorld, owner: Client, seeded: SeedIds
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert owner.get(reverse(LIVE)).status_code == 200
        return len(asked)

    before = queries()
    gateway = Gateway.objects.get(devices=seeded.meter)
    for number in range(3):
        device = gateway.devices.create(name=f"more-{number}")
        series = device.series.create(quantity="power.active", resolution=-1)
        Latest.objects.create(series=series, at=1, value=2300, quality=0)
    assert queries() == before


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"[]\n",
        b'{"result": 3}\n',
        b'{"jsonrpc": "2.0", "id": 2, "result": {"faults": [], "gateways": []}}\n',
        b'{"jsonrpc": "1.0", "id": 1, "result": {"faults": [], "gateways": []}}\n',
        b'{"jsonrpc": "2.0", "id": 1, "result": 3}\n',
        b'{"jsonrpc": "2.0", "id": 1, "result": {"faults": {}}}\n',
        (
            b'{"jsonrpc": "2.0", "id": 1, "result": {"faults": [{"name": "jam", "on": 1, '
            b'"left_s": Infinity}], "gateways": []}}\n'
        ),
    ],
)
def test_a_world_that_talks_nonsense_is_away(
    said: bytes, owner: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.SIMULATION = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def answer() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.recv(1000)
                caller.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        assert "do not respond" in words(owner.get(reverse(LIVE)))
        thread.join()


def test_in_japanese(world: FakeWorld, owner: Client) -> None:
    owner.post(reverse("language"), {"language": "ja", "next": "/"})
    assert "障害を試す" in words(owner.get(reverse("overview")))


def test_what_was_made_up_is_marked_where_it_is_drawn(owner: Client, seeded: SeedIds) -> None:
    page = reverse("device", kwargs={"device": seeded.meter})
    assert "Demo data" not in words(owner.get(page))
    gateway = Gateway.objects.get(devices=seeded.meter)
    mark_simulated(gateway, 1_790_000_000_000, 1_790_000_900_000)
    mark_simulated(gateway, 1_790_000_000_000, 1_790_001_000_000)
    assert "Demo data" in words(owner.get(page))
    usage = (f"/devices/{seeded.meter}/usage/", f"/sites/{gateway.site_id}/usage/")
    for drawn in ("/", "/operation/", *usage):
        assert words(owner.get(drawn)).count("Demo data") == 1, drawn
    assert str(SimulatedHistory.objects.get()).endswith("to 1790001000000 ms")
