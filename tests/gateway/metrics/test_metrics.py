"""The gateway's metrics: what Prometheus' own parser reads from the real daemon, and who may."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.model import Metrics
from console.catalogue import decode
from console.templates import control, secret, system
from drivers.report import Reachability, Severity, State
from gateway.control.client import call
from gateway.metrics.endpoint import Endpoint
from gateway.metrics.exposition import exposition
from gateway.metrics.samples import Sample
from gateway.metrics.table import METRICS
from tests.gateway.box import PATIENCE_S, Box, wait_for
from tests.gateway.meter import Meter, meter
from tests.peers import Mosquitto, free_port
from tests.serial_peers import open_pty

ROOT = Path(__file__).parents[3]
TABLE = {metric.name: metric for metric in METRICS}


@pytest.fixture
def device() -> Iterator[Meter]:
    with meter() as running:
        yield running


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "state")
    yield box
    box.kill()


def apply(box: Box, text: str) -> subprocess.CompletedProcess[str]:
    file = box.state.parent / "gateway.yaml"
    file.write_text(text)
    return box.kanmon("config", "apply", str(file))


def settings(metrics: str = "", *, devices: str = "", broker: str = "mqtt://127.0.0.1:9") -> str:
    return f"""\
version: 1
site: {{time_zone: UTC}}
gateway: {{health_s: 5}}
cloud: {{broker: "{broker}"}}
metrics: {{{metrics}}}
devices: [{devices}]
"""


def get(
    port: int, path: str = "/metrics", method: str = "GET", host: str = "127.0.0.1", **headers: str
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


def read(port: int) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by name and label values, parsed and held against the table."""
    status, text = get(port)
    assert status == 200, text
    found: dict[tuple[str, tuple[str, ...]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            metric = TABLE[sample.name]
            assert family.type == metric.kind
            assert family.documentation == metric.meaning
            assert set(sample.labels) == set(metric.labels)
            values = tuple(sample.labels[label] for label in metric.labels)
            assert (sample.name, values) not in found
            found[sample.name, values] = sample.value
    return found


@pytest.mark.peer("mosquitto")
def test_what_is_documented_is_there_and_nothing_else(
    box: Box, device: Meter, broker: Mosquitto
) -> None:
    port = free_port()
    ours, held, path = open_pty()
    try:
        profile = "unit=1&profile=eastron-sdm630"
        devices = (
            f'{{name: net, url: "modbus-tcp://127.0.0.1:{device.port}/?{profile}", every_s: 0.2}}, '
            f'{{name: dead, url: "modbus-rtu://{path}?baud=19200&parity=N&{profile}"}}, '
            '{name: lost, url: "modbus-tcp://127.0.0.1:9/?unit=2&profile=no-such"}'
        )
        url = f"mqtt://127.0.0.1:{broker.port}"
        apply(box, settings(f'listen: "127.0.0.1:{port}"', devices=devices, broker=url))
        box.start()
        wait_for("metrics", lambda: listens(port))

        def settled() -> bool:
            now = read(port)
            return (
                now.get(("kanmon_device_requests_total", ("dead", "timeout")), 0) > 0
                and now.get(("kanmon_device_response_seconds", ("net",)), 0) > 0
                and now["kanmon_cloud_connected", ()] == 1
            )

        wait_for("figures of everything", settled)
        found = read(port)
        missing = TABLE.keys() - {name for name, _ in found}
        assert missing == {"kanmon_cloud_acknowledgement_age_seconds"}  # no portal is there

        line = f"tcp:127.0.0.1:{device.port}"
        assert found["kanmon_line_polls_total", (line,)] > 0
        assert found["kanmon_device_requests_total", ("net", "response")] > 0
        assert found["kanmon_device_reachable", ("net",)] == 1
        assert found["kanmon_device_reachable", ("dead",)] == 0
        assert ("kanmon_device_reachable", ("lost",)) not in found
        assert found["kanmon_devices_refused", ()] == 1
        assert sum(v for (n, _), v in found.items() if n == "kanmon_devices") == 3
        assert found["kanmon_device_conditions", ("dead", "error")] >= 1
        assert 0 < found["kanmon_line_utilization_predicted_ratio", (f"serial:{path}",)] < 1
        assert found["kanmon_resident_memory_bytes", ()] > 10_000_000
        assert found["kanmon_spool_records", ("data",)] > 0
        _labels_are_bounded(found, {"net", "dead", "lost"})

        # The page that is open when the daemon stops does not hold it, and nothing listens then.
        with socket.create_connection(("127.0.0.1", port)):
            assert box.end() == 0
        assert not listens(port)
    finally:
        os.close(ours)
        os.close(held)


def _labels_are_bounded(found: dict[tuple[str, tuple[str, ...]], float], devices: set[str]) -> None:
    closed = {
        "reachability": {one.value for one in Reachability},
        "state": {one.value for one in State},
        "severity": {one.value for one in Severity},
        "outcome": {"response", "error_response", "timeout", "invalid_response"},
        "lane": {"data", "boundary", "event", "gap"},
        "device": devices,
    }
    for name, values in found:
        for label, value in zip(TABLE[name].labels, values, strict=True):
            assert value in closed.get(label, {value}), (name, label, value)


def test_a_change_of_the_configuration_opens_moves_and_closes_the_page(box: Box) -> None:
    first, second = free_port(), free_port()
    apply(box, settings())
    box.start()
    assert call(box.state, "status")["metrics"] is None
    apply(box, settings(f'listen: "127.0.0.1:{first}"'))
    wait_for("the page", lambda: listens(first))
    apply(box, settings(f'listen: "127.0.0.1:{second}"'))
    wait_for("the other page", lambda: listens(second))
    assert not listens(first)
    assert call(box.state, "status")["metrics"] == {"listen": f"127.0.0.1:{second}", "error": None}
    apply(box, settings())
    wait_for("its end", lambda: not listens(second))
    assert box.end() == 0


def test_a_port_that_is_taken_is_told_and_polling_goes_on(box: Box, device: Meter) -> None:
    url = f"modbus-tcp://127.0.0.1:{device.port}/?unit=1&profile=eastron-sdm630"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = f'{{name: net, url: "{url}", every_s: 0.2}}'
        apply(box, settings(f'listen: "127.0.0.1:{port}"', devices=one))
        box.start()
        wait_for("the device", lambda: box.device("net")["reachability"] == "online")
        wait_for("the fault", lambda: bool(call(box.state, "status")["metrics"]["error"]))
        error = call(box.state, "status")["metrics"]["error"]
        assert error["id"] == "system.address_in_use"
    assert box.log().count("metrics_unavailable") == 1
    assert box.end() == 0


def test_a_page_for_other_machines_asks_for_a_token(box: Box) -> None:
    port = free_port()
    refused = apply(box, settings(f'listen: "0.0.0.0:{port}"'))
    assert refused.returncode == 2
    assert "other machines could read the metrics" in refused.stderr
    assert "Set metrics.token" in refused.stderr

    told = apply(box, settings(f'listen: "0.0.0.0:{port}", token: "secret:metrics"'))
    assert told.returncode == 0
    assert "the secret 'metrics' is not stored on this box" in told.stderr
    assert box.kanmon("secret", "set", "metrics", given="mulberry\n").returncode == 0
    box.start()
    wait_for("the page", lambda: listens(port))
    assert get(port)[0] == 401
    for wrong in ("Bearer", "Bearer mulberr", "Basic mulberry", "mulberry", "Bearer  "):
        assert get(port, Authorization=wrong)[0] == 401
    assert get(port, Authorization="bearer mulberry")[0] == 200
    assert box.end() == 0


@pytest.mark.parametrize(
    "metrics",
    [
        'listen: "9464"',
        'listen: "127.0.0.1"',
        'listen: "127.0.0.1:0"',
        'listen: "127.0.0.1:65536"',
        'listen: "127.0.0.1:x"',
        'listen: "::1:9464"',
        'listen: "example.com:9464"',
        'listen: "[::]:9464"',
        'token: "secret:metrics"',
        'listen: "127.0.0.1:9464", token: "hunter2"',
        'listen: "127.0.0.1:9464", port: 1',
    ],
)
def test_what_cannot_be_used_is_found_beforehand(box: Box, metrics: str) -> None:
    done = apply(box, settings(metrics))
    assert done.returncode == 2
    assert "metrics" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("listen", ["[::1]:9464", "localhost:9464", "127.1.2.3:1"])
def test_every_form_of_this_machine_needs_no_token(listen: str) -> None:
    assert Metrics(listen=listen).token is None


WITHOUT = """
import asyncio, sys
from pathlib import Path
from gateway import daemon
from gateway.control.client import call
from gateway.control.protocol import ControlError

async def main(state):
    running = asyncio.create_task(daemon.run(state))
    while True:
        try:
            status = await asyncio.to_thread(call, state, "status")
            break
        except ControlError:
            assert not running.done(), running
            await asyncio.sleep(0.05)
    assert status["metrics"] is None
    await asyncio.to_thread(call, state, "bus")  # what the metrics look at, too
    await asyncio.to_thread(call, state, "stop")
    await running

asyncio.run(main(Path(sys.argv[1])))
bad = {"prometheus_client", "gateway.metrics", "wsgiref", "pydantic", "yaml"} & set(sys.modules)
assert not bad, bad
"""


def test_without_metrics_the_daemon_loads_nothing_of_them(box: Box) -> None:
    apply(box, settings())
    subprocess.run(
        [sys.executable, "-c", WITHOUT, str(box.state)], check=True, cwd=ROOT, timeout=60
    )


async def test_an_address_that_becomes_free_is_taken(tmp_path: Path) -> None:
    async def collect() -> list[Sample]:
        return [Sample("kanmon_uptime_seconds", 7)]

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        endpoint = Endpoint(tmp_path, collect, retry_s=0.05)
        endpoint.configure(Metrics(listen=f"127.0.0.1:{port}"))
        task = asyncio.create_task(endpoint.run())
        await asyncio.to_thread(wait_for, "its fault", lambda: endpoint.to_json()["error"])
    await asyncio.to_thread(wait_for, "its end", lambda: not endpoint.to_json()["error"])
    status, text = await asyncio.to_thread(get, port)
    assert status == 200
    assert "kanmon_uptime_seconds 7.0" in text
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not await asyncio.to_thread(listens, port)


async def test_a_token_that_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    async def collect() -> list[Sample]:
        raise AssertionError

    endpoint = Endpoint(tmp_path, collect)
    endpoint.configure(Metrics(listen="127.0.0.1:9464", token="secret:metrics"))
    task = asyncio.create_task(endpoint.run())
    await asyncio.to_thread(wait_for, "its fault", lambda: endpoint.to_json()["error"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    found = decode(endpoint.to_json()["error"])
    assert found == control.CAUSE(what=secret.UNREADABLE(name="metrics"), why=system.NOT_FOUND())


# --- the documented set ---------------------------------------------------------------------------


def test_names_are_as_prometheus_wants_them() -> None:
    assert len(TABLE) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"kanmon_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        for unit in ("seconds", "bytes"):
            assert (metric.unit == unit) == (f"_{unit}" in metric.name), metric.name
        assert metric.meaning.endswith(".")


def test_what_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(KeyError, match="not in the table"):
        exposition([Sample("kanmon_invented", 1)])


def test_no_label_ends_its_sample() -> None:
    hostile = 'a"} 1\nkanmon_uptime_seconds 9\n# TYPE x\\'
    text = exposition([Sample("kanmon_line_polls_total", 7, (hostile,))]).decode()
    (family,) = text_string_to_metric_families(text)
    assert [(s.labels, s.value) for s in family.samples] == [({"line": hostile}, 7.0)]
