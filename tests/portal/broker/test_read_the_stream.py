"""The program of `docs/how-to/read-the-stream.md`, run as it stands there against real parts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.environment.state_folder import PACKAGE
from tests.gateway.box import Box, wait_for
from tests.gateway.meter import Meter, meter
from tests.portal.broker.company import Company, enrolled_name, link

PAGE = PACKAGE.parent / "docs" / "how-to" / "read-the-stream.md"
CONFIGURATION = """\
version: 1
site: {{time_zone: Asia/Tokyo}}
gateway: {{health_s: 5}}
devices:
  - name: main
    url: "modbus-tcp://127.0.0.1:{port}/?unit=1&profile=eastron-sdm630"
    every_s: 0.2
"""
IDENTITY = ("trust.pem", "certificate.pem", "key.pem")
"""What the page's command gives to the program, in the folder of the identity."""
VOLTAGE = re.compile(
    r"(?P<box>b-\w+) (?P<time>20\d\d-\S+\+00:00) main voltage (?P<part>l\d) (?P<value>\S+)"
)
ABOVE_200 = {"l1": 0.0, "l2": 0.2, "l3": 0.4}
"""What the meter adds to 200 V and the number of the read, by the register of each phase."""


def program() -> str:
    (found,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    return str(found)


def test_the_program_has_thirty_lines() -> None:
    lines = [line for line in program().splitlines() if line.strip()]
    assert len(lines) <= 30  # as the page says; blank lines are not counted
    assert all(len(line) <= 100 and ";" not in line for line in lines)


@pytest.fixture
def device() -> Iterator[Meter]:
    with meter() as running:
        yield running


@contextmanager
def reader(company: Company) -> Iterator[Path]:
    """Run the page's program with the identity and the arguments that the page names."""
    company.run("authority", "issue-worker", "reader-1")
    script, printed = company.folder / "read_stream.py", company.folder / "printed"
    script.write_text(program(), encoding="utf-8")
    identity = company.portal.state / "authority" / "issued" / "workers" / "reader-1"
    arguments = ["localhost", str(company.ports["workers"]), *IDENTITY]
    with printed.open("wb") as stream:
        running = subprocess.Popen(
            [sys.executable, str(script), *arguments], cwd=identity, stdout=stream, stderr=stream
        )
    try:
        yield printed
        assert running.poll() is None, printed.read_text("utf-8")
    finally:
        running.kill()
        running.wait()


@pytest.mark.first
@pytest.mark.peer("mosquitto")
def test_the_program_prints_what_a_gateway_sends(company: Company, box: Box, device: Meter) -> None:
    company.run("authority", "issue-worker", "ingest-1")
    worker = company.portal.state / "authority" / "issued" / "workers" / "ingest-1"
    name = enrolled_name(company, box)
    file = box.state.parent / "gateway.yaml"
    file.write_text(CONFIGURATION.format(port=device.port))
    assert box.kanmon("config", "apply", str(file)).returncode == 0
    with company.program("ingest", "ingest", KANMON_BROKER_ID=str(worker)):
        box.start()
        wait_for("an acknowledgement", lambda: link(box).get("last_ack_s") is not None)
        with reader(company) as printed:
            # Joined within a session, it knows no table and says so.
            wait_for("a record", lambda: "record of unknown table" in printed.read_text("utf-8"))
            text = printed.read_text("utf-8")
            assert re.match(
                rf"{name} boot\+\d+ms record of unknown table or clock [0-9a-f]{{16}}\n", text
            )
            assert not VOLTAGE.search(text)
            # The next session brings the tables and the clock.
            assert box.end() == 0
            box.start()
            wait_for("values", lambda: len(VOLTAGE.findall(printed.read_text("utf-8"))) >= 9)
            text = printed.read_text("utf-8")
        assert box.end() == 0
    found = [match.groupdict() for match in VOLTAGE.finditer(text)]
    assert {one["box"] for one in found} == {name}
    assert {one["part"] for one in found} == set(ABOVE_200)
    for one in found:
        number = float(one["value"]) - 200 - ABOVE_200[one["part"]]
        assert number == pytest.approx(round(number), abs=1e-6)
        assert 1 <= round(number) <= device.reads
        assert re.fullmatch(r"\d+\.\d+", one["value"])
