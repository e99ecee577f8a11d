"""WebKit, the engine of Safari, driven by its own WebDriver over HTTP.

Safari runs on one system only; Debian's WebKitGTK is the same engine. It has no headless mode and
gets a display that exists in memory alone.

Source: W3C WebDriver, sections 8 to 13.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tests import peers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_LOADED: Final = (
    "return !('before' in document.documentElement.dataset) && document.readyState === 'complete'"
)
_LOADED_S: Final = 60.0


class WebKit:
    """A running WebKit with one window."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        made = self._send("POST", "/session", {"capabilities": {}})
        self._session = f"/session/{made['sessionId']}"

    def open(self, url: str) -> None:
        """Open an address and wait until its page has loaded."""
        self._send("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str) -> Any:
        """What a function's body returns in the page."""
        return self._send("POST", f"{self._session}/execute/sync", {"script": script, "args": []})

    def resize(self, width: int) -> None:
        """Make the window so many pixels wide."""
        self._send("POST", f"{self._session}/window/rect", {"width": width, "height": 900})

    def click(self, selector: str) -> None:
        """Click as a person does."""
        sought = {"using": "css selector", "value": selector}
        found = self._send("POST", f"{self._session}/element", sought)
        (element,) = found.values()
        self._send("POST", f"{self._session}/element/{element}/click", {})

    def follow(self, selector: str) -> None:
        """Click, and wait for the page that it leads to."""
        self.run("document.documentElement.dataset.before = ''")
        self.click(selector)
        tick, until = threading.Event(), time.monotonic() + _LOADED_S
        while not self.run(_LOADED):
            assert time.monotonic() < until, f"{selector} leads to no page"
            tick.wait(0.02)  # a poll: this protocol tells of no navigation that a click begins

    def close(self) -> None:
        """End the session, and with it the window."""
        self._send("DELETE", self._session)
        self._connection.close()

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        value = json.loads(answer.read())["value"]
        assert answer.status == http.client.OK, value
        return value


@contextmanager
def webkit(folder: Path) -> Iterator[WebKit]:
    """A WebKit with a new profile in a folder."""
    port, program = peers.free_port(), peers.find("webkit")
    assert program
    with _display() as display:
        daemon = peers.Daemon(
            command=["env", f"HOME={folder}", f"DISPLAY={display}", program, f"--port={port}"],
            port=port,
            log=folder / "log",
        )
        daemon.start()
        try:
            driven = WebKit(port)
            try:
                yield driven
            finally:
                driven.close()
        finally:
            daemon.stop()


@contextmanager
def _display() -> Iterator[str]:
    """A display in memory; its name."""
    program = peers.find("xvfb")
    assert program
    reading, writing = os.pipe()
    command = [program, "-displayfd", str(writing), "-screen", "0", "1600x1000x24"]
    words = [*command, "-nolisten", "tcp"]
    with subprocess.Popen(words, pass_fds=[writing], stderr=subprocess.DEVNULL) as process:
        os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        try:
            assert number, "the display has ended"
            yield f":{number}"
        finally:
            process.terminate()
