"""Devices that are looked at once, between polls or beside them."""

from __future__ import annotations

import os
import pty
import time
import tty
from collections.abc import Iterator

import pytest
from serial import Serial

from config.model import Device
from drivers.lines import Lines
from drivers.modbus.profile_loader import FolderProfiles
from drivers.report import Clock, Report
from gateway.polling.devices import DeviceError, DeviceOpener

CLOCK = Clock(boot="0" * 32, offset=None)


@pytest.fixture
def port() -> Iterator[str]:
    """A serial port at which nothing answers."""
    far, near = pty.openpty()
    tty.setraw(near)
    yield os.ttyname(near)
    os.close(near)
    os.close(far)


def url_of(port: str, baud: int) -> str:
    return f"modbus-rtu://{port}?unit=1&profile=eastron-sdm630&baud={baud}&timeout_s=0.05"


class Opener:
    """Reads devices once, on lines of its own."""

    def __init__(self) -> None:
        self.lines = Lines()
        now = time.monotonic_ns
        self._opener = DeviceOpener(lines=self.lines, now=lambda: now() // 1_000_000)

    async def read(self, url: str, device: Device | None = None) -> Report:
        return await self._opener.read_once(url, device, FolderProfiles(), CLOCK)


async def test_a_port_that_nobody_polls_is_tried_at_one_speed_after_the_other(port: str) -> None:
    opener = Opener()
    for baud in (9600, 19200):
        report = await opener.read(url_of(port, baud))
        assert "no response" in str(report.conditions[0].message)
    Serial(port, exclusive=True).close()  # another program has it now


async def test_a_line_that_is_polled_is_looked_at_as_it_is_polled(port: str) -> None:
    opener = Opener()
    opener.lines.close_others({f"serial:{port}"})
    await opener.read(url_of(port, 9600))
    with pytest.raises(DeviceError, match="in use with 9600 8E1"):
        await opener.read(url_of(port, 19200))


async def test_a_configured_device_is_read_at_its_new_speed_before_its_next_poll(
    port: str,
) -> None:
    opener = Opener()
    opener.lines.close_others({f"serial:{port}"})
    await opener.read(url_of(port, 9600))
    device = Device(name="main", url=url_of(port, 19200))
    report = await opener.read(device.url, device)
    assert "no response" in str(report.conditions[0].message)
    line = opener.lines.line_at(f"serial:{port}")
    assert line is not None
    assert str(line.form) == "19200 8E1"
    await opener.lines.aclose()
