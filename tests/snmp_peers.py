"""SNMP agents that tests talk to: Debian's snmpd and snmpsim, each on a UDP port of its own.

with snmpd(walk) as agent:              # agent.port; community and user below
    agent.set(OID, "x", "0400")         # as a printer changes
    agent.kill(); agent.start()         # restarted: its users' sessions are forgotten
with snmpsim({"name": walk}) as port:   # community = name
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from protocols.snmp.model import Target, User, Value, Version
from protocols.snmp.snmprec import Walk
from tests.peers import LOOPBACK, START_S, PeerError, find, free_port

COMMUNITY: Final = "printer"
USER: Final = User(
    name="alice",
    authentication="sha256",
    authentication_key="authentic-8",
    privacy="aes128",
    privacy_key="private-8888",
)
_PROBE: Final = "1.3.6.1.2.1.1.3.0"


@dataclass(kw_only=True)
class UdpPeer:
    """A server process on a UDP port: started until it answers, ended by its pid.

    Attributes:
        command: What runs, without a shell.
        port: The loopback port that answers once it is up.
        community: What it answers to.
        folder: Where its files are.
    """

    command: list[str]
    port: int
    community: str
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Run it until it answers; raises `PeerError` with its output if it does not."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[1],
                env=os.environ | {"SNMP_PERSISTENT_DIR": str(self.folder), "MIBS": ""},
                start_new_session=True,  # a Ctrl-C at the tests is not one for the peer
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                words = (self.folder / "log").read_text("utf-8", "replace")[-2000:]
                raise PeerError(f"{self.command[0]} did not start:\n{words}")

    def kill(self) -> None:
        """SIGKILL; nothing happens when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def pause(self) -> None:
        """SIGSTOP: its port stays open, and nothing answers."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def target(self, version: Version = Version.V2C, timeout_s: float = 2.0) -> Target:
        """It, as it is asked."""
        return Target(
            host=LOOPBACK,
            port=self.port,
            version=version,
            community=self.community,
            user=USER if version is Version.V3 else None,
            timeout_s=timeout_s,
        )

    def set(self, oid: str, kind: str, value: str) -> None:
        """Let a variable have another value, as ``snmpset`` writes it."""
        program = find("snmpset")
        assert program is not None
        where = f"{LOOPBACK}:{self.port}"
        subprocess.run(
            [program, "-v2c", "-c", self.community, where, oid, kind, value],
            check=True,
            capture_output=True,
            timeout=10,
        )

    def _answers(self) -> bool:
        """Whether it answers a get of its uptime within a moment."""
        name = self.community.encode()
        oid = bytes([0x2B, 6, 1, 2, 1, 1, 3, 0])
        bind = bytes([0x30, len(oid) + 4, 6, len(oid), *oid, 5, 0])
        pdu = bytes([2, 1, 1, 2, 1, 0, 2, 1, 0, 0x30, len(bind), *bind])
        body = bytes([2, 1, 1, 4, len(name), *name, 0xA0, len(pdu), *pdu])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.05)
            try:
                probe.connect((LOOPBACK, self.port))
                probe.send(bytes([0x30, len(body), *body]))
                return bool(probe.recv(1500))
            except OSError:
                return False


@contextmanager
def snmpd(walk: Walk) -> Iterator[UdpPeer]:
    """Debian's agent, which says what ``walk`` holds, and takes other values by `UdpPeer.set`."""
    program = find("snmpd")
    if program is None:
        raise PeerError("snmpd is not installed; mark the test with @pytest.mark.peer('snmpd')")
    with tempfile.TemporaryDirectory(prefix="kanmon-snmpd-") as name:
        folder, port = Path(name), free_port()
        lines = [
            f"agentAddress udp:{LOOPBACK}:{port}",
            f"rwcommunity {COMMUNITY} {LOOPBACK}",
            f"createUser {USER.name} SHA-256 {USER.authentication_key} AES {USER.privacy_key}",
            f"rouser {USER.name} priv",
            *(_override(oid, value) for oid, value in walk.rows.items()),
        ]
        conf = folder / "agent.conf"  # it keeps its own state in a snmpd.conf beside it
        conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [program, "-f", "-C", "-c", str(conf), "-Lo", "-I", "-system_mib,ifTable"]
        agent = UdpPeer(command=command, port=port, community=COMMUNITY, folder=folder)
        try:
            agent.start()
            yield agent
        finally:
            agent.kill()


def _override(oid: str, value: Value) -> str:
    if isinstance(value, bytes):
        kind, given = "octet_str", f"0x{value.hex()}" if value else '""'
    elif isinstance(value, str):
        kind, given = "object_id", f".{value}"
    else:
        kind, given = "integer", str(value)
    return f"override -rw .{oid} {kind} {given}"


@contextmanager
def snmpsim(walks: Mapping[str, str]) -> Iterator[UdpPeer]:
    """One snmpsim for several walks, each under its own name as community."""
    with tempfile.TemporaryDirectory(prefix="kanmon-snmpsim-") as name:
        folder, port = Path(name), free_port()
        data = folder / "data"
        data.mkdir()
        for walk, text in walks.items():
            (data / f"{walk}.snmprec").write_text(text, encoding="utf-8")
        (data / "up.snmprec").write_text(f"{_PROBE}|67|1\n", encoding="utf-8")
        command = [sys.executable, "-m", "tests.snmpsim_server", str(data), str(port)]
        server = UdpPeer(
            command=[*command, str(folder / "cache")], port=port, community="up", folder=folder
        )
        try:
            server.start()
            yield server
        finally:
            server.kill()
