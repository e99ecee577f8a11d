"""Firefox, driven by its own protocol, Marionette.

Playwright drives a build of Firefox of its own only: it starts another one with ``-juggler-pipe``,
and Debian's exits on that. Marionette is in every Firefox; a message is its length, a colon and a
JSON array.
"""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests import peers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """A running Firefox with one window."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._read()  # its greeting
        self("WebDriver:NewSession", capabilities={"alwaysMatch": {}})

    def __call__(self, command: str, **parameters: Any) -> Any:
        """Send a command; its result."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(str(len(message)).encode() + b":" + message)
        _, _, error, result = self._read()
        assert not error, error
        return result

    def open(self, url: str) -> None:
        """Open an address and wait until its page has loaded."""
        self("WebDriver:Navigate", url=url)

    def run(self, script: str) -> Any:
        """What a function's body returns in the page."""
        return self("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def resize(self, width: int) -> None:
        """Make the window so many pixels wide."""
        self("WebDriver:SetWindowRect", width=width, height=900)

    def click(self, selector: str) -> None:
        """Click as a person does."""
        found = self("WebDriver:FindElement", using="css selector", value=selector)["value"]
        (element,) = found.values()
        self("WebDriver:ElementClick", id=element)

    def follow(self, selector: str) -> None:
        """Click, and wait for the page that it leads to, as this protocol does by itself."""
        self.click(selector)

    def close(self) -> None:
        """End the connection."""
        self._file.close()
        self._socket.close()

    def _read(self) -> Any:
        length = b""
        while (byte := self._file.read(1)) != b":":
            assert byte, "Firefox has ended"
            length += byte
        return json.loads(self._file.read(int(length)))


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """A Firefox with a new profile in a folder."""
    port = peers.free_port()
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in _PREFERENCES.items()]
    lines.append(f'user_pref("marionette.port", {port});')
    (folder / "user.js").write_text("\n".join(lines))
    program = peers.find("firefox")
    assert program
    words = ["--marionette", "--headless", "--no-remote", "--profile", str(folder)]
    command = ["env", f"HOME={folder}", program, *words]
    daemon = peers.Daemon(command=command, port=port, log=folder / "log")
    daemon.start()
    try:
        driven = Firefox(port)
        try:
            yield driven
        finally:
            driven.close()
    finally:
        daemon.stop()
