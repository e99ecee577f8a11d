"""The ports of a demonstration on loopback, kept in its folder from one start to the next.

A gateway that somebody enrolled, and a bookmark, find the same portal again at the second start.
A port that another program has taken meanwhile is replaced for this run only, and that is said.
"""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

LOOPBACK: Final = "127.0.0.1"
FILE: Final = "ports.json"
_RANGE: Final = range(20_000, 32_000)
"""Below the ports that Linux gives to connections on their way out (ip(7))."""
_LEFTOVER_S: Final = 20.0
"""A process of a run that was killed ends within a second or two."""


class NoPortError(Exception):
    """No port of this machine is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Something that listens.

    Attributes:
        name: In the file of ports.
        title: As people call it.
        kind: TCP or UDP.
        wanted: Its port where it has none yet, if that is free; 0: any.
    """

    name: str
    title: str
    kind: socket.SocketKind = socket.SOCK_STREAM
    wanted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that listens on a port."""

    pid: int
    name: str

    def environment(self) -> bytes:
        """Its environment; empty where this account may not see it."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/environ").read_bytes()
        return b""


def choose_ports(
    folder: Path, listeners: Sequence[Listener], say: Callable[[str], None]
) -> dict[str, int]:
    """The port of each listener for this run.

    Args:
        folder: The demonstration's folder, where the ports are kept.
        listeners: What listens, each with a name of its own.
        say: Takes a line about each port that another program has taken.

    Raises:
        NoPortError: No port is free.
    """
    kept = _read(folder)
    chosen: dict[str, int] = {}
    for listener in listeners:
        port = kept.get(listener.name, listener.wanted)
        if port:
            _await_leftover(folder, port, listener.kind)
        if port and is_free(port, listener.kind):
            chosen[listener.name] = port
            continue
        chosen[listener.name] = _new_port(listener.kind, {*kept.values(), *chosen.values()})
        if port:
            program = holder(port, listener.kind)
            by = f"{program.name} (process {program.pid})" if program else "another program"
            say(f"  port {port} of {listener.title} is taken by {by};")
            say(f"  {listener.title} has port {chosen[listener.name]} in this run")
    _write(folder, {**chosen, **kept})
    return chosen


def keep_port(folder: Path, name: str, port: int) -> None:
    """Keep ``port`` for a listener from now on."""
    _write(folder, {**_read(folder), name: port})


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether nobody listens on a port of loopback."""
    with socket.socket(type=kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As servers do: connections that ended a moment ago do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(wanted: int = 0, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """``wanted`` if nobody listens there, else any free port; raises `NoPortError`."""
    if wanted and is_free(wanted, kind):
        return wanted
    with socket.socket(type=kind) as probe:
        try:
            probe.bind((LOOPBACK, 0))
        except OSError as error:
            raise NoPortError(f"no port of {LOOPBACK} is free") from error
        return int(probe.getsockname()[1])


def holder(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> Program | None:
    """The program that listens on a port; ``None`` where this account cannot see it."""
    protocol = "tcp" if kind == socket.SOCK_STREAM else "udp"
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, protocol)}
    if not sockets:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) in sockets:
                    name = (process / "comm").read_text(errors="replace").strip()
                    return Program(pid=int(process.name), name=name)
    return None


def _inodes(port: int, protocol: str) -> list[str]:
    """The sockets bound to a port and not connected, by their inode (proc_pid_net(5))."""
    found = []
    for table in (protocol, f"{protocol}6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                unconnected = int(fields[2].rpartition(":")[2], 16) == 0
                if unconnected and int(fields[1].rpartition(":")[2], 16) == port:
                    found.append(fields[9])
    return found


def _await_leftover(folder: Path, port: int, kind: socket.SocketKind) -> None:
    """Wait for the end of a process that an earlier run of this folder left, being killed."""
    mark = os.fsencode(folder) + b"/"

    def is_held() -> bool:
        if is_free(port, kind):
            return False
        program = holder(port, kind)
        return program is not None and mark in program.environment()

    Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(_LEFTOVER_S),
        wait=wait_fixed(0.1),
        retry_error_callback=lambda _: None,  # another port is then chosen
    )(is_held)


def _new_port(kind: socket.SocketKind, taken: set[int]) -> int:
    for port in random.sample(_RANGE, 200):
        if port not in taken and is_free(port, kind):
            return port
    return free_port(kind=kind)


def _read(folder: Path) -> dict[str, int]:
    """The ports that are kept; none of a file that is missing or damaged."""
    try:
        kept = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {
        name: port
        for name, port in kept.items()
        if isinstance(port, int) and not isinstance(port, bool) and 0 < port < 1 << 16
    }


def _write(folder: Path, ports: Mapping[str, int]) -> None:
    draft = folder / f"{FILE}.new"
    draft.write_text(json.dumps(ports, indent=1) + "\n")
    draft.replace(folder / FILE)
