"""A broker without asking anybody to install one.

Mosquitto from PATH; else the distribution's package, unpacked below the demonstration's folder
(no root, nothing installed); else amqtt, a broker in Python, in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SBIN = ("/usr/sbin", "/usr/local/sbin")
_FETCH_TIMEOUT_S = 180


class BrokerUnavailableError(Exception):
    """A broker cannot be had in this way; the message says why."""


@dataclass(frozen=True, kw_only=True)
class BrokerProgram:
    """How to run a broker.

    Attributes:
        name: Its name in messages.
        command: The program with its arguments.
        version: The MQTT version it speaks: ``"5"`` or ``"3.1.1"``.
        confines: Whether it confines each client to its own topics, and can be maintained.
        environment: Variables to add to the environment.
    """

    name: str
    command: list[str]
    version: str
    confines: bool
    environment: dict[str, str] = field(default_factory=dict)


def provide(folder: Path, written: Path, choice: str, say: Callable[[str], None]) -> BrokerProgram:
    """The first broker that is available, or the one that ``choice`` names.

    Args:
        folder: Keeps the packages that are fetched.
        written: The folder that ``kanmon-portal broker write`` made.
        choice: ``auto``, ``installed``, ``unpacked`` or ``amqtt``.
        say: Called with a line for the person who waits.

    Raises:
        NotToBeHadError: When the chosen way does not work here.
    """
    methods = {"installed": _installed, "unpacked": _unpacked, "amqtt": _amqtt}
    if choice != "auto":
        return methods[choice](folder, written, say)
    for method in methods.values():
        try:
            return method(folder, written, say)
        except BrokerUnavailableError as reason:
            say(f"  {reason}")
    raise BrokerUnavailableError("no broker is available")  # amqtt comes with our own environment


def _installed(_folder: Path, written: Path, _say: Callable[[str], None]) -> BrokerProgram:
    return _mosquitto("Mosquitto", installed(), written)


def installed() -> str:
    """Mosquitto's program; raises `BrokerUnavailableError`."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *_SBIN])
    found = shutil.which("mosquitto", path=path)
    if not found:
        raise BrokerUnavailableError("Mosquitto is not installed")
    return found


def plain(folder: Path, port: int) -> BrokerProgram:
    """An open broker on loopback, for measuring; raises `BrokerUnavailableError`."""
    lines = [
        "per_listener_settings true",
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "set_tcp_nodelay true",
        "persistence false",
        "log_dest stderr",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # else it changes user and cannot read what we wrote
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    return _mosquitto("Mosquitto", installed(), folder)


def _unpacked(folder: Path, written: Path, say: Callable[[str], None]) -> BrokerProgram:
    root = folder / "mosquitto"
    program = root / "usr/sbin/mosquitto"
    if not program.exists():
        _fetch(root, folder / "apt", say)
    libraries = sorted({str(found.parent) for found in root.rglob("*.so*")})
    environment = {"LD_LIBRARY_PATH": os.pathsep.join(libraries)}
    answer = subprocess.run(  # a missing library shows here, not in the middle of the story
        [program, "-h"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if "mosquitto version" not in answer.stdout:
        raise BrokerUnavailableError(
            f"the unpacked Mosquitto does not run: {answer.stderr.strip()}"
        )
    return _mosquitto("Mosquitto (unpacked)", str(program), written, environment)


def _amqtt(_folder: Path, written: Path, _say: Callable[[str], None]) -> BrokerProgram:
    return BrokerProgram(
        name="amqtt (nobody without a certificate; no confinement to topics)",
        command=[sys.executable, "-m", "scripts.demonstration.amqtt_broker", str(written)],
        version="3.1.1",
        confines=False,
    )


def _mosquitto(
    name: str, program: str, written: Path, environment: dict[str, str] | None = None
) -> BrokerProgram:
    return BrokerProgram(
        name=name,
        command=[program, "-c", str(written / "mosquitto.conf")],
        version="5",
        confines=True,
        environment=environment or {},
    )


def _fetch(root: Path, private: Path, say: Callable[[str], None]) -> None:
    """Download and unpack the package with what it needs and the machine lacks."""
    if not all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg", "dpkg-query")):
        raise BrokerUnavailableError(
            "this is not a Debian-like system, so no package can be unpacked"
        )
    options = _private_apt(private)
    say("  fetching Mosquitto's package (nothing is installed) ...")
    _run(["apt-get", *options, "-q", "update"], "its package lists cannot be read")
    names = _closure(options)
    archives = private / "archives"
    archives.mkdir(exist_ok=True)
    _run(["apt-get", *options, "-q", "download", *names], "its package is not there", archives)
    partial = root.with_name("mosquitto.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for archive in sorted(archives.glob("*.deb")):
        _run(["dpkg", "-x", str(archive), str(partial)], f"{archive.name} cannot be unpacked")
    partial.rename(root)


def _private_apt(private: Path) -> list[str]:
    """Options that make apt keep everything it writes below ``private``."""
    places = {
        "Dir::State": private / "state",
        "Dir::State::status": Path("/var/lib/dpkg/status"),
        "Dir::Cache": private / "cache",
        "Dir::Log": private / "log",
    }
    for place in ("state/lists/partial", "cache/archives/partial", "log"):
        (private / place).mkdir(parents=True, exist_ok=True)
    options = [f"-o{key}={place}" for key, place in places.items()]
    if os.geteuid() == 0:
        options.append("-oAPT::Sandbox::User=root")
    return options


def _closure(options: list[str]) -> list[str]:
    """Mosquitto and every package it depends on that this machine lacks."""
    text = _run(
        [
            "apt-cache",
            *options,
            "depends",
            "--recurse",
            "--no-recommends",
            "--no-suggests",
            "--no-conflicts",
            "--no-breaks",
            "--no-replaces",
            "--no-enhances",
            "mosquitto",
        ],
        "what it depends on is not known",
    )
    names = {line.strip() for line in text.splitlines() if line and line[0].isalnum()}
    installed = _run(["dpkg-query", "-W", "-f=${binary:Package}\n"], "dpkg does not answer")
    present = {line.partition(":")[0] for line in installed.splitlines()}
    missing = {name for name in names - present if name.startswith("lib") and ":" not in name}
    return sorted({"mosquitto", *missing})


def _run(command: list[str], failure: str, folder: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_FETCH_TIMEOUT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokerUnavailableError(f"{failure}: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or "no word from it").splitlines()[-1]
        raise BrokerUnavailableError(f"{failure}: {last}")
    return done.stdout
