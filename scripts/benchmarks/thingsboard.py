"""thingsboard-gateway: an environment of its own, and a configuration in its favour.

In its favour: readings are kept in memory only, nothing is logged below errors, statistics and
remote configuration are off. A request waits as long for its answer as Kanmon's longest, and is
not repeated.

Its configuration knows two forms. One tag a register can name, type and scale each, as Kanmon's
profiles do, and costs a request each. One range reads many registers a request, all of one type
and scale, named after their addresses.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements" / "peer.lock"
ENVIRONMENT: Final = ROOT / ".cache" / "thingsboard-gateway"
TIMEOUT_S: Final = 1
_STAMP: Final = "kanmon-peer"
_MAKE_S: Final = 900
_MOST: Final = 125
"""Registers that one Modbus request may ask for."""


class NotToBeHadError(Exception):
    """The environment cannot be made here; the message says why and what to do."""


def program() -> Path:
    """The gateway's program, installed first where it is not, or not as locked.

    Raises:
        NotToBeHadError: When it cannot be installed, as without a network.
    """
    stamp = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    kept = ENVIRONMENT / _STAMP
    if not (kept.exists() and kept.read_text() == stamp):
        print(f"making {ENVIRONMENT.relative_to(ROOT)}: thingsboard-gateway {version()} ...")
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(ENVIRONMENT)])
        pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _run([*pip, "--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)])
        kept.write_text(stamp)
    return ENVIRONMENT / "bin" / "thingsboard-gateway"


def version() -> str:
    """The locked version of the package."""
    found = re.search(r"^thingsboard-gateway==(\S+)", LOCK.read_text(), re.MULTILINE)
    assert found, f"{LOCK} holds no thingsboard-gateway"
    return found[1]


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MAKE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotToBeHadError(f"{command[0]}: {error}; is there a network?") from error
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        last = (errors or done.stderr.splitlines() or ["no word from it"])[-1]
        raise NotToBeHadError(f"{' '.join(command[1:4])}: {last}; is there a network?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What it shall do.

    Attributes:
        broker: Its port on loopback.
        plant: Likewise.
        units: How many, from 1.
        registers: Of each unit, from address 0.
        every_s: Poll period.
        ranged: One range a unit, instead of one tag a register.
    """

    broker: int
    plant: int
    units: int
    registers: int
    every_s: float
    ranged: bool


def configure(folder: Path, work: Work) -> None:
    """Write its configuration into ``folder``, which is made."""
    gateway = {
        "host": "127.0.0.1",
        "port": work.broker,
        "remoteShell": False,
        "remoteConfiguration": False,
        "statistics": {"enable": False},
        "handleDeviceRenaming": False,
        "security": {"type": "accessToken", "accessToken": "bench"},
        "qos": 1,
    }
    slaves = [slave(number, work) for number in range(1, work.units + 1)]
    files = {
        "tb_gateway.json": {
            "thingsboard": gateway,
            "storage": {"type": "memory", "read_records_count": 100, "max_records_count": 100_000},
            "grpc": {"enabled": False},
            "connectors": [{"name": "Bench", "type": "modbus", "configuration": "modbus.json"}],
        },
        "modbus.json": {"logLevel": "ERROR", "master": {"slaves": slaves}},
        "logs.json": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"console": {"class": "logging.StreamHandler", "level": "ERROR"}},
            "root": {"level": "ERROR", "handlers": ["console"]},
        },
    }
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))


def slave(number: int, work: Work) -> dict[str, object]:
    """One unit, as the Modbus connector is told of it."""
    return {
        "host": "127.0.0.1",
        "port": work.plant,
        "type": "tcp",
        "method": "socket",
        "unitId": number,
        "deviceName": f"unit-{number}",
        "deviceType": "default",
        "timeout": TIMEOUT_S,
        "byteOrder": "BIG",
        "wordOrder": "BIG",
        "retries": 0,
        "pollPeriod": round(work.every_s * 1000),
        "timeseries": _points(work),
    }


def _points(work: Work) -> list[dict[str, object]]:
    kind = {"type": "16uint", "functionCode": 3, "objectsCount": 1, "divider": 10}
    if not work.ranged:
        return [{"tag": f"r{n}", "address": n, **kind} for n in range(work.registers)]
    whole = {"address": f"0-{work.registers - 1}", "maxRegistersPerRequest": _MOST}
    return [{"tag": "r${address}", **whole, **kind}]
