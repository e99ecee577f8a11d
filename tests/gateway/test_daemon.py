"""The whole gateway in a process of its own, against a meter on the loopback; no broker."""

from __future__ import annotations

import json
import signal
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_link.records import (
    ClockRecord,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    Record,
    decode_record,
)
from cloud_link.wire import Lane
from console.templates import control, secret, system
from gateway.control.client import call
from tests.gateway.box import Box, wait_for
from tests.gateway.meter import Meter, meter


@pytest.fixture
def device() -> Iterator[Meter]:
    with meter() as running:
        yield running


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    state = tmp_path / "state"
    box = Box(state)
    yield box
    box.kill()


def settings(port: int, *, every_s: float = 0.2, label: str = "Plant room", more: str = "") -> str:
    url = f"modbus-tcp://127.0.0.1:{port}/?unit=1&profile=eastron-sdm630"
    return f"""\
version: 1
site: {{time_zone: Asia/Tokyo}}
gateway: {{label: {label}, health_s: 5}}
cloud: {{broker: "mqtt://127.0.0.1:9"}}
devices:
  - {{name: main, label: Main incomer, url: "{url}", every_s: {every_s}}}
{more}"""


def apply(box: Box, text: str) -> int:
    file = box.state.parent / "gateway.yaml"
    file.write_text(text)
    done = box.kanmon("config", "apply", str(file))
    assert "Traceback" not in done.stderr
    return done.returncode


def decoded(box: Box) -> list[Record]:
    return [decode_record(record.body) for record in box.records().values()]


def waiting(box: Box) -> dict[str, int]:
    counts: dict[str, int] = call(box.state, "outbox")["waiting"]
    return counts


def test_from_the_meter_to_the_spool(box: Box, device: Meter) -> None:
    assert apply(box, settings(device.port)) == 0
    box.start()
    wait_for("readings", lambda: waiting(box)["data"] >= 10)
    assert box.device("main")["reachability"] == "online"

    report = box.kanmon_json("device", "read", "main")
    assert report["device"] == "main"
    assert {reading["quantity"] for reading in report["readings"]} >= {"voltage", "energy.import"}
    status = box.kanmon_json("status")
    assert status["box"].startswith("b-")
    assert status["link"]["connected"] is False
    assert box.kanmon("outbox").returncode == 0

    assert box.end() == 0
    assert not (box.state / "control.sock").exists()
    found = decoded(box)
    (configuration,) = (r for r in found if isinstance(r, ConfigurationRecord))
    document = json.loads(zlib.decompress(configuration.document))
    assert document["gateway"]["label"] == "Plant room"
    assert any(isinstance(record, ClockRecord) for record in found)
    assert {r.device for r in found if isinstance(r, EventRecord)} == {"main", "gateway"}
    assert sum(isinstance(record, DataRecord) for record in found) >= 10


def test_the_status_tells_the_cause_and_the_place_of_a_link_that_is_not_made(box: Box) -> None:
    link = "cloud: {broker: 'mqtt://127.0.0.1:9', username: me, password: 'secret:broker'}"
    assert apply(box, f"version: 1\nsite: {{time_zone: UTC}}\n{link}\n") == 0
    box.start()
    said = box.kanmon("status").stdout
    cause = control.CAUSE(what=secret.UNREADABLE(name="broker"), why=system.NOT_FOUND())
    assert f"{cause}\n" in said
    assert "next step: store it with `kanmon secret set broker`" in said
    folder = box.state / "identity"
    folder.mkdir(mode=0o700)
    (folder / "enrolment.json").write_text("{")
    (folder / "enrolment.json").chmod(0o600)
    wait_for("its fault", lambda: str(folder) in box.kanmon("status").stdout)
    assert box.kanmon_json("status")["link"]["where"].startswith(str(folder))
    assert box.end() == 0


def test_the_configuration_is_recorded_again_only_when_it_changed(box: Box, device: Meter) -> None:
    for label in ("one", "one", "two"):
        apply(box, settings(device.port, label=label))
        box.start()
        assert box.end() == 0
    assert sum(isinstance(record, ConfigurationRecord) for record in decoded(box)) == 2


def test_kill_9_loses_no_accepted_record(box: Box, device: Meter) -> None:
    apply(box, settings(device.port, every_s=0.1))
    known: dict[tuple[bytes, Lane, int], bytes] = {}
    for _ in range(4):
        box.start()
        start = sum(waiting(box).values())
        wait_for("records", lambda: sum(waiting(box).values()) > start + 5)  # noqa: B023 # called at once
        accepted = sum(waiting(box).values())
        assert box.end(signal.SIGKILL) == -signal.SIGKILL
        records = {name: stored.body for name, stored in box.records().items()}
        assert len(records) >= accepted
        assert known.items() <= records.items()
        known = records
    box.start()
    assert box.end() == 0
    assert known.items() <= {name: stored.body for name, stored in box.records().items()}.items()


def test_a_new_configuration_leaves_unchanged_devices_alone(box: Box, device: Meter) -> None:
    apply(box, settings(device.port))
    box.start()
    wait_for("the device", lambda: box.device("main")["reachability"] == "online")
    second = "  - {name: second, url: 'modbus-tcp://127.0.0.1:9/?unit=2&profile=eastron-sdm630'}\n"
    assert apply(box, settings(device.port, more=second)) == 0
    assert box.device("main")["reachability"] == "online"  # a new one would begin with "never"
    wait_for("its condition", lambda: box.device("second")["gravest"] is not None)
    assert box.device("second")["gravest"]["code"] == "comm.unreachable"
    assert apply(box, settings(device.port).replace("version: 1", "version: 7")) == 2
    assert len(call(box.state, "devices")) == 2
    assert box.end() == 0


def test_sighup_applies_what_is_in_the_state_folder(box: Box, device: Meter) -> None:
    apply(box, settings(device.port))
    box.start()
    (box.state / "config.yaml").write_text(settings(device.port, label="Roof"))
    assert box.process is not None
    box.process.send_signal(signal.SIGHUP)
    wait_for("the new label", lambda: call(box.state, "status")["label"] == "Roof")
    (box.state / "config.yaml").write_text("nonsense")
    box.process.send_signal(signal.SIGHUP)
    wait_for("the complaint", lambda: "configuration_rejected" in box.log())
    assert call(box.state, "status")["label"] == "Roof"
    assert box.end(signal.SIGINT) == 0


def test_sighup_reads_profiles_again(box: Box, device: Meter) -> None:
    """A device whose profile changed is another device to the poller; its neighbours stay."""
    profiles = box.state / "profiles"
    profiles.mkdir(parents=True)
    text = """\
version: 1
maker: Acme
model: {model}
sources: [a, b]
state: running
points: [{{at: 0, type: float32, quantity: voltage, resolution: -1}}]
"""
    (profiles / "acme-x1.yaml").write_text(text.format(model="X1"))
    url = f"modbus-tcp://127.0.0.1:{device.port}/?unit=2&profile=acme-x1"
    more = f"  - {{name: second, url: '{url}', every_s: 0.2}}\n"
    apply(box, settings(device.port, more=more))
    box.start()
    wait_for("the device", lambda: box.device("second")["reachability"] == "online")
    (profiles / "acme-x1.yaml").write_text(text.format(model="X2"))
    assert box.process is not None
    box.process.send_signal(signal.SIGHUP)

    def model() -> str:
        report = json.loads(call(box.state, "read", name="second")["report"])
        return str(report["identity"]["model"])

    wait_for("the new model", lambda: model() == "X2")
    assert box.device("main")["reachability"] == "online"
    (profiles / "acme-x1.yaml").write_text("version: 1\n")
    box.process.send_signal(signal.SIGHUP)
    wait_for("the complaint", lambda: "maker" in str(box.device("second")["problem"]))
    assert box.device("main")["reachability"] == "online"
    assert box.end() == 0


def test_a_silent_device_is_unreachable_and_comes_back(box: Box, device: Meter) -> None:
    apply(box, settings(device.port).replace("profile=", "timeout_s=0.2&profile="))
    box.start()
    wait_for("the device", lambda: box.device("main")["reachability"] == "online")
    device.silent = True
    wait_for("silence", lambda: box.device("main")["reachability"] == "unreachable")
    assert box.device("main")["gravest"]["code"] == "comm.timeout"
    device.silent = False
    wait_for("its return", lambda: box.device("main")["reachability"] == "online")
    assert box.end() == 0
    log = box.log()
    assert log.count("device_unreachable") == log.count("device_recovered") == 1


def test_one_state_folder_has_one_daemon(box: Box, device: Meter) -> None:
    apply(box, settings(device.port))
    box.start()
    second = box.kanmon("run")
    assert second.returncode == 2
    assert "in use" in second.stderr or "another daemon" in second.stderr
    assert "Traceback" not in second.stderr
    assert call(box.state, "status")["box"]
    assert box.end() == 0


def test_a_stop_is_quick_even_while_a_device_is_silent(box: Box, device: Meter) -> None:
    device.silent = True
    apply(box, settings(device.port))
    box.start()
    wait_for("a poll", lambda: device.reads > 0)
    before = time.monotonic()
    assert box.end() == 0
    assert time.monotonic() - before < 5


def test_a_state_folder_that_was_made_open_is_closed(box: Box, device: Meter) -> None:
    box.state.mkdir()
    box.state.chmod(0o755)
    assert apply(box, settings(device.port)) == 0
    assert box.state.stat().st_mode & 0o777 == 0o700
    box.state.chmod(0o755)
    (box.state / "spool").mkdir()
    (box.state / "spool").chmod(0o755)
    (box.state / "spool" / "spool.db").touch()
    (box.state / "spool" / "spool.db").chmod(0o644)
    box.start()
    kept = [box.state, *box.state.rglob("*")]
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_a_state_folder_of_others_is_refused(box: Box) -> None:
    box.state.mkdir()
    box.state.chmod(0o755)
    (box.state / "fstab").touch()
    done = box.kanmon("run")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "other accounts can look into the folder (mode 0755)" in done.stderr
    assert box.state.stat().st_mode & 0o777 == 0o755
