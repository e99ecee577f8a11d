"""When the portal itself is at fault: alarms, which hold back every verdict on their cause.

Records that fail alike are of one *cause*: the same kind, exception, code of the database, and
place in the program. Where records of `BOXES_ALIKE` boxes fail for one cause within a minute, no
box is at fault: an alarm opens, and such records are left unanswered until one that was left is
stored, or none has failed for a while. An alarm is also open while a canary fails.

An alarm is a row: all workers know of it, and it outlives them.
"""

from __future__ import annotations

import traceback
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.db import transaction

from cloud_link.validation import storable_text
from portal.ingest import sql
from portal.ingest.models import Alarm, Failure, Quarantine, Receipt
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.ingest.receipts import Key

log = event_log(__name__)

BOXES_ALIKE: Final = 3
"""Boxes whose records fail alike before the fault is taken to be the portal's."""
ALIKE_MS: Final = 60_000
"""The time within which they do."""
QUIET_MS: Final = 600_000
"""Time without a failure after which an alarm ends."""
KEPT_MS: Final = 86_400_000
"""How long failures are kept."""
_HELD_SAMPLES: Final = 20
_CANARY: Final = "canary: "
_FOLDER: Final = Path(__file__).parent


def cause_of(kind: str, error: Exception) -> str:
    """What failures that are alike have in common."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.parent == _FOLDER and path.name != "sql.py":
            place = f"{path.stem}.{frame.name}"
    parts = (kind, type(error).__name__, sql.sqlstate(error), place)
    return storable_text(" ".join(part for part in parts if part), 200)


def detail_of(error: Exception) -> str:
    """The first line of an error, in one that can be stored."""
    text = next(iter(str(error).strip().splitlines()), "") or repr(error)
    return storable_text(f"{type(error).__name__}: {text}", 500)


def causes_of_fleet(failures: Sequence[tuple[int, str, str, Exception]], now_ms: int) -> set[str]:
    """Those causes for which no box is at fault; opens an alarm for each.

    Args:
        failures: Everything that failed: the id of the box, the cause, the kind, and the error.
        now_ms: The portal's time, Unix milliseconds.
    """
    boxes: dict[str, set[int]] = defaultdict(set)
    examples: dict[str, tuple[str, str]] = {}
    for box, cause, kind, error in failures:
        boxes[cause].add(box)
        examples[cause] = kind, detail_of(error)
    found = set()
    for cause in sorted(boxes):
        for box in sorted(boxes[cause]):
            Failure.objects.update_or_create(cause=cause, box_id=box, defaults={"at": now_ms})
        known = Alarm.objects.filter(cause=cause, ended_at=None).update(failed_at=now_ms)
        alike = Failure.objects.filter(cause=cause, at__gte=now_ms - ALIKE_MS).count()
        if not known and alike >= BOXES_ALIKE:
            _open(cause, *examples[cause], now_ms)
        if known or alike >= BOXES_ALIKE:
            found.add(cause)
    return found


def hold(cause: str, key: Key) -> None:
    """Remember a record that is left unanswered: the alarm ends once it is stored."""
    for alarm in Alarm.objects.select_for_update().filter(cause=cause, ended_at=None):
        if list(key) not in alarm.held:
            alarm.held = [*alarm.held, list(key)][-_HELD_SAMPLES:]
            alarm.save(update_fields=["held"])


def _open(cause: str, kind: str, detail: str, now_ms: int) -> None:
    _, opened = Alarm.objects.get_or_create(
        cause=cause,
        ended_at=None,
        defaults={"kind": kind, "detail": detail, "began_at": now_ms, "failed_at": now_ms},
    )
    if opened:
        transaction.on_commit(
            lambda: log.error("ingest_alarm", cause=cause, kind=kind, error=detail)
        )


def open_for_canary(kind: str, error: Exception, now_ms: int) -> None:
    """Open the alarm of a canary that cannot be stored, or note that it still cannot be."""
    cause = _CANARY + kind
    with transaction.atomic():
        if not Alarm.objects.filter(cause=cause, ended_at=None).update(failed_at=now_ms):
            _open(cause, kind, detail_of(error), now_ms)


def kinds_of_canaries() -> list[str]:
    """The kinds whose canary failed when it was tried last."""
    rows = Alarm.objects.filter(ended_at=None, cause__startswith=_CANARY)
    return list(rows.values_list("kind", flat=True))


def end_for_canary(kind: str, now_ms: int) -> None:
    """End the alarm of a canary that can be stored again."""
    for alarm in Alarm.objects.filter(cause=_CANARY + kind, ended_at=None):
        _end(alarm, now_ms)


def end_resolved(now_ms: int) -> bool:
    """End the alarms of which a record that was held is stored, or that are quiet.

    The records of the first boxes were rejected before another showed that no box is at fault:
    they are to be replayed. Returns whether there are any.
    """
    rejected = 0
    for alarm in Alarm.objects.filter(ended_at=None).exclude(cause__startswith=_CANARY):
        quiet = alarm.failed_at < now_ms - QUIET_MS
        if quiet or any(_is_received(key) for key in alarm.held):
            alike = Quarantine.objects.filter(cause=alarm.cause, at__gte=alarm.began_at - ALIKE_MS)
            rejected += alike.update(judged_by="")
            _end(alarm, now_ms)
    Failure.objects.filter(at__lt=now_ms - KEPT_MS).delete()
    Alarm.objects.filter(ended_at__lt=now_ms - 30 * KEPT_MS).delete()
    return rejected > 0


def _is_received(key: Sequence[int]) -> bool:
    epoch, lane, seq = key
    return Receipt.objects.filter(epoch=epoch, lane=lane, seq=seq, rejected="").exists()


def _end(alarm: Alarm, now_ms: int) -> None:
    if Alarm.objects.filter(pk=alarm.pk, ended_at=None).update(ended_at=now_ms):
        seconds = (now_ms - alarm.began_at) // 1000
        transaction.on_commit(
            lambda: log.info("ingest_alarm_ended", cause=alarm.cause, seconds=seconds)
        )
