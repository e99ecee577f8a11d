"""Which real programs the tests know, where they are, and which Debian package brings each.

``python -m tests.installed [PATH...]`` prints the packages of those that are missing, one a line;
of those that tests in these files and folders name, where paths are given. `scripts/test` installs
them where it may. Standard library only: it runs before anything else.
"""

from __future__ import annotations

import ctypes.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program or library that tests talk to.

    Attributes:
        find: Where it is on this machine, or ``None``.
        package: The Debian package that brings it.
    """

    find: Callable[[], str | None]
    package: str


def _program(*names: str) -> Callable[[], str | None]:
    def locate() -> str | None:
        # Debian keeps daemons in sbin, which is not on everybody's PATH.
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        return next((found for name in names if (found := shutil.which(name, path=path))), None)

    return locate


def _postgres_folder() -> str | None:
    """The folder with ``initdb`` and ``postgres``: the newest installed, else whatever is on PATH.

    Debian keeps the server's programs off PATH, one folder a version.
    """
    versions = sorted(
        (path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()),
        key=lambda path: float(path.parent.name),
    )
    if versions:
        return str(versions[-1])
    on_path = shutil.which("initdb")
    return str(Path(on_path).resolve().parent) if on_path and shutil.which("postgres") else None


def _file(pattern: str) -> Callable[[], str | None]:
    def locate() -> str | None:
        return next((str(path) for path in sorted(Path("/usr").glob(pattern))), None)

    return locate


def _libmodbus() -> str | None:
    header = Path("/usr/include/modbus/modbus.h")
    return ctypes.util.find_library("modbus") if header.exists() else None


def _network_namespace() -> str | None:
    """``unshare``, where this account may make a network namespace with it, and ``ip`` is there."""
    unshare = _program("unshare")()
    if unshare is None or _program("ip")() is None:
        return None
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    done = subprocess.run([unshare, "--net", *own, "true"], capture_output=True, check=False)
    return unshare if done.returncode == 0 else None


PEERS: Final = {
    "mosquitto": Peer(find=_program("mosquitto"), package="mosquitto"),
    "mosquitto-clients": Peer(find=_program("mosquitto_sub"), package="mosquitto-clients"),
    "postgres": Peer(find=_postgres_folder, package="postgresql"),
    "libmodbus": Peer(find=_libmodbus, package="libmodbus-dev"),
    "chromium": Peer(
        find=_program("chromium", "chromium-browser", "google-chrome"), package="chromium"
    ),
    "firefox": Peer(find=_program("firefox-esr", "firefox"), package="firefox-esr"),
    "webkit": Peer(find=_program("WebKitWebDriver"), package="webkit2gtk-driver"),
    "xvfb": Peer(find=_program("Xvfb"), package="xvfb"),
    "cjk-font": Peer(
        find=_file("share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"), package="fonts-noto-cjk"
    ),
    "socat": Peer(find=_program("socat"), package="socat"),
    "libfaketime": Peer(find=_file("lib/*/faketime/libfaketime.so.1"), package="libfaketime"),
    "snmpd": Peer(find=_program("snmpd"), package="snmpd"),
    "snmpset": Peer(find=_program("snmpset"), package="snmp"),
    "snmpget": Peer(find=_program("snmpget"), package="snmp"),
    "snmpwalk": Peer(find=_program("snmpwalk"), package="snmp"),
    "snmpbulkwalk": Peer(find=_program("snmpbulkwalk"), package="snmp"),
    "groff": Peer(find=_program("groff"), package="groff-base"),
    "mandoc": Peer(find=_program("mandoc"), package="mandoc"),
    "cc": Peer(find=_program("cc", "gcc", "clang"), package="gcc libc6-dev"),
    "zsh": Peer(find=_program("zsh"), package="zsh"),
    "fish": Peer(find=_program("fish"), package="fish"),
    "systemd": Peer(find=_program("systemd-analyze"), package="systemd"),
    "network-namespace": Peer(find=_network_namespace, package="util-linux iproute2"),
    "seccomp": Peer(find=lambda: ctypes.util.find_library("seccomp"), package="libseccomp2"),
}
"""Every name that ``@pytest.mark.peer`` may have."""
_MARK: Final = re.compile(r"\bmark\.peer\(([^)]*)\)")
_NAME: Final = re.compile(r"[\"']([\w-]+)[\"']")


def find(name: str) -> str | None:
    """Where a peer is on this machine, or ``None``; raises `KeyError` for an unknown name."""
    return PEERS[name].find()


def named_in(places: Iterable[Path]) -> set[str]:
    """The peers that the tests in these files and folders are marked with."""
    files = [
        file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])
    ]
    marks = [mark for file in files for mark in _MARK.findall(file.read_text("utf-8"))]
    return {name for mark in marks for name in _NAME.findall(mark)} & PEERS.keys()


if __name__ == "__main__":
    wanted = named_in(map(Path, sys.argv[1:])) if sys.argv[1:] else PEERS.keys()
    for name, peer in PEERS.items():
        if name in wanted and peer.find() is None:
            print(*peer.package.split(), sep="\n")
