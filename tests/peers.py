"""Real programs that tests talk to, each on a port or socket of its own and ended by its pid.

    with mosquitto() as broker:          # 127.0.0.1:broker.port
        broker.kill(); broker.start()    # SIGKILL, then again on the same port and store
    with postgres() as server:           # server.url, server.dsn, server.kill_connections()

`tests/installed.py` says which peers there are and whether this machine has them;
`tests/conftest.py` turns ``@pytest.mark.peer`` into a loud skip, or into a failure where
``KANMON_REQUIRE_PEERS=1``.

Everything here blocks for well under a second (a PostgreSQL cluster takes about two); call it
through ``asyncio.to_thread`` where a running loop must not notice.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import psycopg
import psycopg.sql

from tests.installed import PEERS, find

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "PEERS",
    "Daemon",
    "Mosquitto",
    "PeerError",
    "Postgres",
    "find",
    "free_port",
    "mosquitto",
    "postgres",
]

LOOPBACK: Final = "127.0.0.1"
START_S: Final = 20.0
"""How long a peer may take to answer; generous, because the machine may be busy."""
STOP_S: Final = 10.0


class PeerError(RuntimeError):
    """A peer that is installed did not start or did not stop; the message holds its own words."""


def _require(name: str) -> str:
    found = find(name)
    if found is None:
        raise PeerError(
            f"{name} is not installed; mark the test with @pytest.mark.peer({name!r}), or install "
            f"the Debian package {PEERS[name].package}"
        )
    return found


# --- ports ----------------------------------------------------------------------------------

_held_ports: list[socket.socket] = []


def free_port() -> int:
    """A loopback TCP port that nobody has and that stays this process's own until it ends.

    It is taken from below the kernel's ephemeral range, so that no outgoing connection takes it
    while its server is down between `Mosquitto.kill` and `Mosquitto.start`; parallel test
    processes keep out of each other's way by an abstract socket named after the port, which the
    kernel drops with the process.
    """
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    for _ in range(500):
        port = random.randrange(max(low - 12_000, 1_500), low)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0kanmon-test-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((LOOPBACK, port))
        except OSError:
            claim.close()
            continue
        _held_ports.append(claim)
        return port
    raise PeerError(f"500 ports below {low} are all taken; is something leaking servers?")


# --- processes ------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Daemon:
    """A server process: started until it answers, ended by its pid whatever happened.

    Attributes:
        command: What runs, without a shell.
        port: The loopback port that accepts connections once it is up.
        log: Where its output goes; quoted when it does not start.
        user: The account to run under; ``None`` for ours.
    """

    command: Sequence[str]
    port: int
    log: Path
    user: str | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def host(self) -> str:
        """Always the loopback address."""
        return LOOPBACK

    @property
    def pid(self) -> int:
        """The running process; raises `PeerError` when there is none."""
        if not self.running:
            raise PeerError(f"{self.command[0]} is not running: {self.log_text()}")
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def log_text(self) -> str:
        """What the program has printed so far, over all its starts."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def start(self) -> None:
        """Run it until it accepts connections; raises `PeerError` with its output if it does not.

        On the same port and with the same files as before, when it ran before.
        """
        if self.running:
            raise PeerError(f"{self.command[0]} already runs as {self.pid}")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C at the tests is not one for the peer
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )
        deadline = time.monotonic() + START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise PeerError(f"{self.command[0]} did not start:\n{self.log_text()[-2000:]}")
            time.sleep(0.01)  # polling a foreign program: it offers no event to wait on

    def _ready(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told. Nothing happens when it does not run."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and insist after `STOP_S` seconds."""
        self._end(self.stop_signal)

    stop_signal = signal.SIGTERM

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers, as on a half-open link."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, by)
                os.kill(process.pid, signal.SIGCONT)  # a paused process would not hear it
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- Mosquitto ------------------------------------------------------------------------------


class Mosquitto(Daemon):
    """A broker on its own loopback port; see `mosquitto`."""

    def reload(self) -> None:
        """SIGHUP: read the configuration, ACL and revocation files again."""
        os.kill(self.pid, signal.SIGHUP)

    @property
    def url(self) -> str:
        """``mqtt://127.0.0.1:<port>``."""
        return f"mqtt://{LOOPBACK}:{self.port}"


_DEFAULTS: Final = {
    # As root Mosquitto changes to its own user, who then cannot read what the test made.
    "user": "root",
    "allow_anonymous": "true",
    # With Nagle's delay on either side a message takes 28 ms instead of 2.
    "set_tcp_nodelay": "true",
    "persistence": "false",
    "log_dest": "stdout",
    "log_type": "all",
}


@contextmanager
def mosquitto(extra_conf: str = "", *, persistence: bool = False) -> Iterator[Mosquitto]:
    """A running broker; restartable on the same port, ended when the block is left.

    Args:
        extra_conf: Lines of mosquitto.conf. They replace the default of the same name, so
            ``allow_anonymous false`` works; they come after ``listener``, so listener settings
            belong to it; ``{folder}`` in them is the broker's own temporary folder.
        persistence: Keep queues and retained messages in that folder, so that they outlive a
            clean stop (and, as far as the last autosave, a kill).
    """
    program = _require("mosquitto")
    with tempfile.TemporaryDirectory(prefix="kanmon-mosquitto-") as name:
        folder, port = Path(name), free_port()
        settings = dict(_DEFAULTS)
        if persistence:
            settings |= {"persistence": "true", "persistence_location": f"{folder}/"}
        extra = extra_conf.replace("{folder}", str(folder)).strip().splitlines()
        for line in extra:
            settings.pop(line.split(maxsplit=1)[0] if line.split() else "", None)
        lines = [line for line in extra if line.startswith("per_listener_settings")]
        lines.append(f"listener {port} {LOOPBACK}")
        lines += [f"{key} {value}" for key, value in settings.items()]
        lines += [line for line in extra if not line.startswith("per_listener_settings")]
        conf = folder / "mosquitto.conf"
        conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
        broker = Mosquitto(
            command=[program, "-c", str(conf)], port=port, log=folder / "mosquitto.log"
        )
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()


# --- PostgreSQL -----------------------------------------------------------------------------

_SUPERUSER: Final = "kanmon"
_MEMORY_BYTES: Final = 2 << 30


class Postgres(Daemon):
    """A cluster of its own in a temporary folder; see `postgres`."""

    stop_signal = signal.SIGINT  # "fast": open transactions are rolled back, nobody is waited for

    @property
    def url(self) -> str:
        """``postgres://kanmon@127.0.0.1:<port>/kanmon``, as ``KANMON_DATABASE_URL`` takes it."""
        return self.url_of(_SUPERUSER)

    @property
    def dsn(self) -> str:
        """The same for psycopg."""
        return self.url

    def url_of(self, database: str) -> str:
        """The URL of another database of this cluster."""
        return f"postgres://{_SUPERUSER}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            identifier = psycopg.sql.Identifier(name)
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(identifier))
        return self.url_of(name)

    def kill_connections(self) -> int:
        """Cut every client's connection as an administrator would, and say how many there were."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            row = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchone()
        return int(row[0]) if row else 0

    def pause_log_writer(self) -> None:
        """Stop the process that writes what sessions confirmed without waiting for the disk."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"
            ).fetchone()
        assert row
        psutil.Process(row[0]).suspend()

    def kill(self) -> None:
        """SIGKILL the server and all its children, as a power cut would end them together."""
        if not self.running:
            return
        children = psutil.Process(self.pid).children(recursive=True)
        super().kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, STOP_S)

    def _ready(self) -> bool:
        # It accepts connections before it serves them: "the database system is starting up".
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
            return True
        return False


def _memory() -> str | None:
    """A folder whose files are in memory and that has room for a cluster; ``None`` without one."""
    folder = Path("/dev/shm")  # noqa: S108 - a file system in memory, not a temporary folder
    if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _MEMORY_BYTES:
        return str(folder)
    return None


@contextmanager
def postgres(*, settings: Sequence[str] = (), in_memory: bool = False) -> Iterator[Postgres]:
    """A new PostgreSQL cluster with a database ``kanmon``; fsync is on, as in the field.

    As root it is made and run as the ``postgres`` account, because the server refuses root.

    Args:
        settings: ``name=value`` of postgresql.conf, beside the defaults.
        in_memory: Keep its files in memory where the machine offers that.
    """
    programs = Path(_require("postgres"))
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="kanmon-pg-", dir=_memory() if in_memory else None))
    port = free_port()
    try:
        if user:
            shutil.chown(folder, user, user)
        data, made = folder / "data", folder / "initdb.log"
        with made.open("wb") as log:
            initdb = [str(programs / "initdb"), "-D", str(data), "-U", _SUPERUSER]
            initdb += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
            code = subprocess.run(  # cwd: the account cannot read the tests' own folder
                initdb, stdout=log, stderr=log, user=user, group=user, cwd=folder, check=False
            ).returncode
        if code != 0:
            raise PeerError(f"initdb failed:\n{made.read_text('utf-8', 'replace')[-2000:]}")
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        command += ["-h", LOOPBACK, "-k", str(folder)]
        for setting in ("max_connections=60", "shared_buffers=64MB", *settings):
            command += ["-c", setting]
        server = Postgres(command=command, port=port, log=folder / "postgres.log", user=user)
        try:
            server.start()
            server.create_database(_SUPERUSER)
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
