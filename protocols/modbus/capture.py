"""Traffic with devices as text: recorded or written, reviewed, kept, and replayed.

A capture is JSON lines. The first says what it is, each other one is a request and its answer, as
PDUs (function and data) in hexadecimal, so that it is the same on TCP and on a serial line::

    {"capture": 1, "origin": "recorded", "device": "Maker Model", "sources": [], "note": ""}
    {"unit": 1, "ms": 0, "request": "04 0000 0002", "answer": "04 04 43660000"}
    {"unit": 1, "ms": 12, "request": "03 fc00 0002", "answer": "83 02", "note": "no serial number"}
    {"unit": 7, "ms": 30, "request": "04 0000 0002", "answer": null}

``origin`` is ``recorded`` (from the device) or ``synthetic`` (bytes written from the maker's map
alone, never from a profile: a capture made from a profile would agree with its mistakes). A
synthetic one names two sources of the map. An ``answer`` of null is one that never came.

`RecordingWire` records; `protocols.modbus.replay` replays.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from protocols.errors import ErrorResponse
from protocols.modbus.simulator import TABLES

if TYPE_CHECKING:
    from protocols.line import Transaction, Wire

T = TypeVar("T")

VERSION: Final = 1


class CaptureError(ValueError):
    """Text that is no capture; the message says where and why."""


class Origin(StrEnum):
    """Where a capture's bytes come from."""

    RECORDED = "recorded"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureEntry:
    """One request and what came of it.

    Attributes:
        unit: The unit id.
        ms: Milliseconds since the capture began.
        request: The request's PDU.
        answer: The answer's PDU; ``None`` where none came.
        note: For whoever reads it.
    """

    unit: int
    ms: int
    request: bytes
    answer: bytes | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The requests and answers of one line.

    Attributes:
        origin: Whether a device said it.
        device: Maker and model.
        sources: Where its register map is published; at least two when synthetic.
        note: For whoever reads it.
        entries: Requests and answers, in the order in which they were made.
    """

    origin: Origin
    device: str
    sources: tuple[str, ...] = ()
    note: str = ""
    entries: tuple[CaptureEntry, ...]

    @classmethod
    def load(cls, path: Path) -> Capture:
        """Read the capture in a file; raises `CaptureError`."""
        return cls.parse(path.read_text("utf-8"), str(path))

    @classmethod
    def parse(cls, text: str, file: str) -> Capture:
        """Read JSON lines; raises `CaptureError`, whose message begins with ``file``."""
        rows = [_row(line, f"{file}:{n}") for n, line in enumerate(text.split("\n"), 1) if line]
        if not rows:
            raise CaptureError(f"{file}: it is empty")
        where, head = rows[0]
        try:
            if head["capture"] != VERSION:
                raise CaptureError(f"{where}: capture {head['capture']!r} is not {VERSION}")
            capture = cls(
                origin=Origin(head["origin"]),
                device=str(head["device"]),
                sources=tuple(str(source) for source in head.get("sources", ())),
                note=str(head.get("note", "")),
                entries=tuple(_entry(*row) for row in rows[1:]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, CaptureError):
                raise
            raise CaptureError(f"{where}: {error}") from error
        if capture.origin is Origin.SYNTHETIC and len(capture.sources) < 2:
            raise CaptureError(f"{where}: a synthetic capture names two sources of the map")
        return capture

    def text(self) -> str:
        """The JSON lines that `parse` reads back as this."""
        head = {
            "capture": VERSION,
            "origin": self.origin.value,
            "device": self.device,
            "sources": list(self.sources),
            "note": self.note,
        }
        rows = [head, *(_row_of(entry) for entry in self.entries)]
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _row(line: str, where: str) -> tuple[str, dict[str, Any]]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise CaptureError(f"{where}: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise CaptureError(f"{where}: not an object")
    return where, row


def _entry(where: str, row: dict[str, Any]) -> CaptureEntry:
    unknown = row.keys() - {"unit", "ms", "request", "answer", "note"}
    if unknown:
        raise CaptureError(f"{where}: {', '.join(sorted(unknown))} is not a name of this format")
    try:
        answer = None if row["answer"] is None else bytes.fromhex(row["answer"])
        request = bytes.fromhex(row["request"])
        unit, ms = int(row["unit"]), int(row.get("ms", 0))
    except (KeyError, TypeError, ValueError) as error:
        raise CaptureError(f"{where}: {error!r}") from error
    entry = CaptureEntry(
        unit=unit, ms=ms, request=request, answer=answer, note=str(row.get("note", ""))
    )
    if len(request) != 5 or request[0] not in TABLES:
        raise CaptureError(f"{where}: the request does not read registers or bits")
    if answer is not None and not _answers(request, answer):
        raise CaptureError(f"{where}: the answer's function or length does not fit the request")
    return entry


def _answers(request: bytes, answer: bytes) -> bool:
    if len(answer) == 2:
        return answer[0] == request[0] | 0x80
    count = int.from_bytes(request[3:5], "big")
    size = (count + 7) // 8 if TABLES[request[0]].bits else 2 * count
    return len(answer) == size + 2 and answer[0] == request[0] and answer[1] == size


def _row_of(entry: CaptureEntry) -> dict[str, Any]:
    request = entry.request
    parts = [request[:1], request[1:3], request[3:5]]
    row: dict[str, Any] = {
        "unit": entry.unit,
        "ms": entry.ms,
        "request": " ".join(part.hex() for part in parts),
        "answer": None,
    }
    if entry.answer is not None:
        row["answer"] = f"{entry.answer[:1].hex()} {entry.answer[1:2].hex()}"
        if len(entry.answer) > 2:
            row["answer"] += " " + entry.answer[2:].hex(" ", -4)
    return row | ({"note": entry.note} if entry.note else {})


# --- recording ----------------------------------------------------------------------------------


class RecordingWire:
    """A `protocols.line.Wire` that records what goes over another.

    Args:
        wire: The other one, of Modbus in any framing.
        entries: Where it adds what it records; several wires may share one.
        now: Milliseconds, of any clock.
        unpack_frame: The unit and the PDU of a request's frame:
            `protocols.modbus.mbap.unpack_frame` or `protocols.modbus.rtu.unpack_frame`.
    """

    def __init__(
        self,
        wire: Wire,
        entries: list[CaptureEntry],
        now: Callable[[], int],
        unpack_frame: Callable[[bytes], tuple[int, bytes]],
    ) -> None:
        self._wire = wire
        self._entries = entries
        self._now = now
        self._unpack_frame = unpack_frame
        self._began = now()

    @property
    def where(self) -> str:
        """See `protocols.line.Wire`: the other wire's."""
        return self._wire.where

    async def exchange(self, transaction: Transaction[T], timeout_s: float) -> T:
        """See `protocols.line.Wire`."""
        recorded = _RecordedTransaction(transaction)
        ms = self._now() - self._began
        came: bytes | int | None = None
        try:
            data: T = await self._wire.exchange(recorded, timeout_s)
            came = data if isinstance(data, bytes) else None
            return data
        except ErrorResponse as error:
            came = error.code
            raise
        finally:
            if recorded.frame:
                unit, request = self._unpack_frame(recorded.frame)
                answer = _answer(request[0], came)
                self._entries.append(CaptureEntry(unit=unit, ms=ms, request=request, answer=answer))

    def discard(self) -> bytes:
        """See `protocols.line.Wire`."""
        return self._wire.discard()

    def close(self) -> None:
        """See `protocols.line.Wire`: closes the other wire."""
        self._wire.close()


class _RecordedTransaction:
    """A transaction that keeps the frame it sent; generic in what it returns."""

    def __init__(self, transaction: Transaction[Any]) -> None:
        self._transaction = transaction
        self.frame = b""
        self.feed = transaction.feed
        self.bytes_missing = transaction.bytes_missing
        self.repeatable = transaction.repeatable
        self.timeout_error = transaction.timeout_error

    def request(self, number: int) -> bytes:
        self.frame = bytes(self._transaction.request(number))
        return self.frame


def _answer(function: int, came: bytes | int | None) -> bytes | None:
    """The answer's PDU, of data or an exception's code."""
    if isinstance(came, int):
        return bytes((function | 0x80, came))
    return None if came is None else bytes((function, len(came))) + came
