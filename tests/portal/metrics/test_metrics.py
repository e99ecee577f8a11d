"""The portal's metrics, read by Prometheus' own parser, and who may read them."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client import generate_latest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from cloud_link.wire import Lane
from portal.authority.models import IssuedCertificate, RevocationList
from portal.environment.errors import SettingsError
from portal.environment.state_folder import PACKAGE
from portal.ingest.budget import Resource
from portal.ingest.inbox import Turn
from portal.ingest.metrics import IngestMetrics
from portal.ingest.store import IngestResult, ingest
from portal.ingest.tally import Tally
from portal.metrics import table
from portal.metrics.server import READERS_LIMIT, serve_registry
from portal.permissions import ACCESS
from tests.gateway.box import wait_for
from tests.peers import free_port
from tests.portal.ingest.sender import METER, Sender, meter, new_box
from tests.portal.program import Portal
from tests.portal.variables import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

    from tests.portal.web.seed import SeedIds

TOKEN = "mulberry-kettle-orbit-nine"
TABLE = {metric.name: metric for metric in (*table.WEB, *table.INGEST)}
Found = dict[tuple[str, tuple[str, ...]], float]


def parsed(text: str) -> Found:
    """Every sample by name and label values, held against the table."""
    found: Found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            base = re.sub(r"_(bucket|sum|count)$", "", sample.name)
            metric = TABLE[base if family.type == "histogram" else sample.name]
            assert family.type == metric.kind
            assert family.documentation == metric.meaning
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            assert set(labels) == set(metric.labels)
            key = tuple(labels[label] for label in metric.labels)
            if "le" in sample.labels:
                key = (*key, sample.labels["le"])
            assert (sample.name, key) not in found
            found[sample.name, key] = sample.value
    return found


@pytest.fixture
def watched(settings: Settings) -> Client:
    """Prometheus, where the portal has a token."""
    settings.METRICS_TOKEN = TOKEN
    return Client(headers={"Authorization": f"Bearer {TOKEN}"})


def test_the_page_shows_the_fleet_and_its_own_requests(watched: Client, seeded: SeedIds) -> None:
    now = timezone.now()
    for days in (10, 20):
        IssuedCertificate.objects.create(
            root="workers",
            serial=f"a{days}",
            subject="ingest-1",
            spki=f"{days}",
            pem="",
            valid_from=now,
            expires_at=now + timedelta(days=days),
        )
    RevocationList.objects.create(
        root="boxes", number=1, pem="", valid_from=now, expires_at=now + timedelta(days=7)
    )
    Client().get("/no/such/page")
    Client().generic("BREW", "/")
    answer = watched.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = parsed(answer.content.decode())
    assert found["kanmon_portal_database_up", ()] == 1
    gateways = {k[0]: v for (name, k), v in found.items() if name == "kanmon_portal_gateways"}
    assert gateways.keys() == {"connected", "silent", "waiting"}
    assert sum(gateways.values()) >= 2  # of every organization: no customer reads this
    assert found["kanmon_portal_certificate_remaining_seconds", ("workers", "worker")] == (
        pytest.approx(20 * 86_400, abs=60)
    )
    assert found["kanmon_portal_revocation_list_remaining_seconds", ("boxes",)] == (
        pytest.approx(7 * 86_400, abs=60)
    )
    count = "kanmon_portal_request_duration_seconds_count"
    routes = {key for (name, key) in found if name == count}
    assert ("other", "GET", "404") in routes
    assert {route for route, _, _ in routes} <= {*ACCESS, "other"}
    assert {method for _, method, _ in routes} <= {"GET", "HEAD", "POST", "OPTIONS", "other"}
    assert "Aoyama" not in answer.content.decode()


def test_without_the_token_there_seems_to_be_no_page(
    watched: Client, owner: Client, settings: Settings
) -> None:
    for wrong in ("", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer é"):
        assert Client(headers={"Authorization": wrong}).get("/metrics").status_code == 404
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 404
    assert owner.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = ""
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}"}):
        assert Client(headers=headers).get("/metrics").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_no_method_tells_that_there_is_a_page(
    watched: Client, db: None, settings: Settings, method: str
) -> None:
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.generic(method, "/metrics").status_code == 404
    query = {"token": TOKEN, "access_token": TOKEN}
    assert stranger.generic(method, "/metrics", QUERY_STRING=urlencode(query)).status_code == 404
    known = watched.generic(method, "/metrics").status_code
    assert known == (200 if method in {"GET", "HEAD", "OPTIONS"} else 405)


def test_the_page_comes_in_the_format_that_its_reader_accepts(watched: Client, db: None) -> None:
    Client().get("/no/such/page")
    accepted = {"Accept": "application/openmetrics-text; version=1.0.0", "Accept-Encoding": "gzip"}
    answer = watched.get("/metrics", headers=accepted)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    text = gzip.decompress(answer.content).decode()
    families = list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    assert {family.name for family in families} <= TABLE.keys()
    assert watched.head("/metrics").content == b""


@pytest.mark.parametrize(
    "version", ["abc", "9", "1.0", "1.0.x", "", "9" * 5000, '"1.0.0"', "1.0.0=", "\u0663"]
)
@pytest.mark.parametrize("format_", ["application/openmetrics-text", "text/plain"])
def test_a_format_without_a_real_version_is_answered_with_text(
    watched: Client, db: None, format_: str, version: str
) -> None:
    answer = watched.get("/metrics", headers={"Accept": f"{format_}; version={version}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    both = f"{format_}; version={version}, application/openmetrics-text; version=1.0.0"
    answer = watched.get("/metrics", headers={"Accept": both})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")


def test_the_page_holds_the_metrics_that_its_reader_asks_for(watched: Client, db: None) -> None:
    asked = "kanmon_portal_database_up"
    answer = watched.get("/metrics", {"name[]": asked})
    assert {name for name, _ in parsed(answer.content.decode())} == {asked}


def test_a_scraper_beside_the_proxy_is_not_sent_to_https(
    watched: Client, db: None, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert watched.get("/metrics").status_code == 200
    assert watched.get("/").status_code == 301


def test_while_the_database_is_away_that_is_what_is_shown(watched: Client, db: None) -> None:
    def away(*_: object) -> None:
        raise OperationalError("gone")

    with connection.execute_wrapper(away):
        found = parsed(watched.get("/metrics").content.decode())
    assert found["kanmon_portal_database_up", ()] == 0
    assert not [name for name, _ in found if name == "kanmon_portal_gateways"]


@pytest.mark.database
def test_the_tally_is_what_was_stored(transactional_db: None) -> None:
    sender = Sender(new_box().box_id)
    metrics = IngestMetrics(now=lambda: timezone.now().timestamp())
    batch = [sender.tables(METER), sender.clock(), sender.send(Lane.DATA, meter(1, 100, 200, 300))]
    for arrivals in (batch, batch):
        metrics.count(ingest(arrivals), len(arrivals), 0.02)
    found = parsed(generate_latest(metrics.registry).decode())
    assert found["kanmon_ingest_batches_total", ()] == 2
    assert found["kanmon_ingest_messages_total", ()] == 6
    assert found["kanmon_ingest_receipts_total", ("data",)] == 1
    assert found["kanmon_ingest_repeated_records_total", ()] == 2  # clock and data
    assert found["kanmon_ingest_readings_total", ()] == 3
    assert found["kanmon_ingest_record_age_seconds_count", ()] == 1
    assert found["kanmon_ingest_commit_duration_seconds_count", ()] == 2
    assert found["kanmon_ingest_acknowledgements_total", ()] >= 2
    metrics.count_turn(Turn(dropped=Counter({Resource.ROWS: 3})))
    found = parsed(generate_latest(metrics.registry).decode())
    assert found["kanmon_ingest_throttled_messages_total", ("rows",)] == 3
    unseen = {m.name for m in table.INGEST if m.kind == "counter"} - {name for name, _ in found}
    assert unseen == {"kanmon_ingest_quarantined_records_total"}


def test_tallies_add_up() -> None:
    one = IngestResult(answers=(), tally=Tally(repeated=1, readings=2, moments=[5]))
    both = (one + one).tally
    assert (both.repeated, both.readings, both.moments) == (2, 4, [5, 5])


def fetch(port: int, path: str = "/metrics", method: str = "GET", token: str = "") -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = link.getresponse()
        parsed(answer.read().decode() if answer.status == 200 else "")
        return answer.status
    finally:
        link.close()


def test_the_workers_page_is_there_as_long_as_the_worker() -> None:
    port, metrics = free_port(), IngestMetrics()
    with serve_registry(("127.0.0.1", port), metrics.registry, ""):
        assert fetch(port) == 200
        assert fetch(port, "/") == 404
        assert fetch(port, "/favicon.ico") == 404
        assert fetch(port, method="HEAD") == 200
        assert fetch(port, method="POST") == 405
    with serve_registry(("127.0.0.1", port), metrics.registry, TOKEN):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            assert fetch(port, method=method) == 404
            assert fetch(port, method=method, token=f"{TOKEN}x") == 404
        assert fetch(port, token=TOKEN) == 200
    with pytest.raises(OSError, match="refused"):
        fetch(port)


def test_a_crowd_of_readers_takes_few_of_the_workers_threads() -> None:
    port, metrics = free_port(), IngestMetrics()
    with serve_registry(("127.0.0.1", port), metrics.registry, ""):
        before = threading.active_count()
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(10 * READERS_LIMIT)]
        for idle in crowd[READERS_LIMIT:]:  # these are sent away; the first are waited for
            idle.settimeout(30)
            with suppress(ConnectionResetError):
                assert idle.recv(1) == b""
        assert threading.active_count() - before <= READERS_LIMIT
        for idle in crowd:
            idle.close()
        wait_for("a place", lambda: _serves(port))


def _serves(port: int) -> bool:
    try:
        return fetch(port) == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_port_that_is_taken_does_not_stop_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        serve_registry(taken.getsockname(), IngestMetrics().registry, ""),
    ):
        pass
    assert "metrics_unavailable" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KANMON_METRICS_TOKEN", "short"),
        ("KANMON_METRICS_TOKEN", "ééééééééééééééééé"),
        ("KANMON_INGEST_METRICS", "0.0.0.0:9465"),
        ("KANMON_INGEST_METRICS", "9465"),
        ("KANMON_INGEST_METRICS", "192.0.2.1:9465"),
        ("KANMON_INGEST_METRICS", "127.0.0.1:0"),
    ],
)
def test_what_cannot_be_used_is_told(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        read_settings({name: value})
    assert name == "KANMON_INGEST_METRICS" or value not in str(caught.value)


def test_what_can_be_used_is_taken() -> None:
    found = read_settings({"KANMON_METRICS_TOKEN": TOKEN, "KANMON_INGEST_METRICS": "[::1]:9465"})
    assert found.metrics_token == TOKEN
    assert found.ingest_metrics == ("::1", 9465)


def test_names_are_as_prometheus_wants_them() -> None:
    for metric in TABLE.values():
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert (metric.unit == "seconds") == metric.name.endswith("_seconds")
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert metric.meaning.endswith(".")


WITHOUT = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
import portal.wsgi, portal.ingest.worker
assert "prometheus_client" not in sys.modules
"""


@contextmanager
def running(log: Path, *words: str, **variables: str) -> Iterator[None]:
    """`kanmon-portal` as long as the block; it ends in good order."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", *words],
            cwd=PACKAGE.parent,
            env=environ | variables,
            stdout=stream,
            stderr=stream,
        )
    try:
        yield
        process.terminate()
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        fetch(port)
    except OSError:
        return False
    return True


def test_a_worker_and_several_processes_of_pages_are_read(tmp_path: Path) -> None:
    common = {"KANMON_PORTAL_STATE": str(tmp_path / "state"), "TMPDIR": str(tmp_path)}
    Portal(tmp_path / "state").migrate()
    port = free_port()
    common |= {"KANMON_METRICS_TOKEN": TOKEN}
    common |= {"KANMON_BROKER": "mqtt://127.0.0.1:9", "KANMON_INGEST_METRICS": f"127.0.0.1:{port}"}
    with running(tmp_path / "log", "ingest", **common):
        wait_for("the worker's page", lambda: answers(port))
        assert fetch(port, token=TOKEN) == 200
    assert not answers(port)

    port, words = free_port(), ("serve", "--workers", "2", "--bind")
    with running(tmp_path / "log", *words, f"127.0.0.1:{port}", **common):
        wait_for("the pages", lambda: answers(port))
        for _ in range(10):
            assert fetch(port, "/no/such/page") == 404
        counted = read_page(port)
        key = ("other", "GET", "404")
        assert counted["kanmon_portal_request_duration_seconds_count", key] == 10
    assert not list(tmp_path.glob("kanmon-portal-metrics-*"))


def read_page(port: int) -> Found:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    text = link.getresponse().read().decode()
    link.close()
    return parsed(text)


def test_without_metrics_the_portal_loads_nothing_of_them(tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("KANMON", "DJANGO"))}
    environ["KANMON_PORTAL_STATE"] = str(tmp_path)
    command = [sys.executable, "-c", WITHOUT]
    subprocess.run(command, check=True, env=environ, cwd=PACKAGE.parent, timeout=60)
