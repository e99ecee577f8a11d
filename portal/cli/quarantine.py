"""``kanmon-portal quarantine``: the records that were rejected, listed, shown and replayed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from console.failure import FAILED, PARTLY, Failure
from console.language import plural, tr
from console.number_option import NumberOption
from console.output import columns
from console.text import Template
from console.usage import WrongUsage
from portal.cli.common import TextType, json_option, portal_ready, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.ingest.models import Alarm, Quarantine
    from portal.ingest.quarantine import Selection

NOT_IN_QUARANTINE: Final = Template(
    "portal.not_in_quarantine", "no record in quarantine has the number {number}"
)
LIST_QUARANTINE: Final = Template(
    "portal.list_quarantine", "list the records with `kanmon-portal quarantine list`"
)
NOTHING_SELECTED: Final = Template("portal.nothing_selected", "no records are selected")
SELECT_RECORDS: Final = Template(
    "portal.select_records", "name their numbers, or use --gateway, --code, --hours or --all"
)
PORTAL_AT_FAULT: Final = Template(
    "portal.at_fault", "the portal fails to store a test record of the kind '{kind}'"
)
READ_INGEST_LOG: Final = Template(
    "portal.read_ingest_log", "correct the cause, which the log of the ingest worker names"
)
_LIMIT: Final = 200


@click.group()
def quarantine() -> None:
    """Manage the records that were rejected.

    A rejected record is kept as it came, and can be stored later.
    """


def _selection(command: Callable[..., None]) -> Callable[..., None]:
    """The options that select records."""
    options = (
        click.option(
            "--gateway",
            type=TextType(100),
            default="",
            help="Only records of this gateway; its name or the id of its box.",
        ),
        click.option("--code", type=TextType(16), default="", help="Only records with this code."),
        click.option(
            "--hours",
            cls=NumberOption,
            type=click.IntRange(1, 1_000_000),
            default=None,
            help="Only records that were rejected within the last so many hours.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _selected(gateway: str, code: str, hours: int | None, ids: tuple[int, ...] = ()) -> Selection:
    from portal.ingest.quarantine import Selection

    since = datetime.now(UTC) - timedelta(hours=hours) if hours else None
    return Selection(
        ids=ids,
        gateway=gateway,
        code=code,
        since_ms=round(since.timestamp() * 1000) if since else 0,
    )


@quarantine.command("list")
@_selection
@click.option(
    "--limit",
    cls=NumberOption,
    type=click.IntRange(1, 100_000),
    default=_LIMIT,
    show_default=True,
    help="How many records are listed at most, the newest.",
)
@json_option
def quarantine_list(
    *, gateway: str, code: str, hours: int | None, limit: int, as_json: bool
) -> None:
    """List the records in quarantine, newest last.

    Open alarms come first: for their cause, nothing is rejected.
    """
    with portal_ready():
        from portal.ingest.models import Alarm
        from portal.ingest.quarantine import select

        found = select(_selected(gateway, code, hours))
        count = found.count()
        rows = [_row(one) for one in reversed(found.order_by("-pk")[:limit])]
        alarms = [_alarm(one) for one in Alarm.objects.filter(ended_at=None).order_by("pk")]
    lines = [
        tr("Alarm since {time}: {cause}: {detail}", time=one["since"] or "-", cause=one["cause"],
           detail=one["detail"])
        for one in alarms
    ]  # fmt: skip
    lines += columns([_cells(row) for row in rows], first_left=7)
    if count > len(rows):
        lines.append(tr("{count} records are in quarantine; list more with --limit.", count=count))
    if not count:
        lines.append(tr("No records are in quarantine."))
    say({"alarms": alarms, "count": count, "records": rows}, *lines, as_json=as_json)


def _time(unix_ms: int) -> str | None:
    """A stored time as RFC 3339 in UTC; ``None`` outside of the years 1 to 9999."""
    from portal.web.moments import datetime_of

    found = datetime_of(unix_ms)
    return None if found is None else found.isoformat(timespec="seconds")


def _alarm(row: Alarm) -> dict[str, Any]:
    return {
        "cause": row.cause,
        "kind": row.kind,
        "detail": row.detail,
        "since": _time(row.began_at),
        "last": _time(row.failed_at),
    }


def _row(row: Quarantine) -> dict[str, Any]:
    from cloud_link.wire import Lane

    box = row.epoch.box
    return {
        "number": row.pk,
        "at": _time(row.at),
        "gateway": str(box.gateway),
        "box": box.box_id,
        "epoch": bytes(row.epoch.epoch).hex(),
        "lane": Lane(row.lane).name.lower(),
        "seq": row.seq,
        "code": row.code,
        "detail": row.detail,
        "cause": row.cause,
        "bytes": len(row.raw),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["number"]),
        row["at"] or "-",
        row["gateway"],
        row["box"],
        row["lane"],
        row["code"],
        row["detail"],
    )


@quarantine.command("show")
@click.argument("number", type=click.IntRange(1))
@json_option
def quarantine_show(*, number: int, as_json: bool) -> None:
    """Show a record in quarantine, with its bytes."""
    with portal_ready():
        from portal.ingest.quarantine import Selection, select

        found = select(Selection(ids=(number,))).first()
        if found is None:
            raise Failure(NOT_IN_QUARANTINE(number=number), next_step=LIST_QUARANTINE())
        row = {**_row(found), "boot": bytes(found.boot).hex(), "raw": bytes(found.raw).hex()}
        row["says"] = _says(bytes(found.raw))
    lines = columns([(name, str(value)) for name, value in row.items()], first_left=2)
    say(row, *lines, as_json=as_json)


def _says(raw: bytes) -> Any:
    """A record's content as JSON values; ``None`` where it cannot be read."""
    import msgspec

    from cloud_link.records import WireError, decode_record

    try:
        record = decode_record(raw)
    except WireError:
        return None
    return {
        "kind": type(record).__name__,
        **{
            name: msgspec.to_builtins(getattr(record, name), enc_hook=str)
            for name in record.__struct_fields__
        },
    }


@quarantine.command("replay")
@click.argument("numbers", type=click.IntRange(1), nargs=-1)
@_selection
@click.option("--all", "every", is_flag=True, help="All records in quarantine.")
@json_option
def quarantine_replay(
    *,
    numbers: tuple[int, ...],
    gateway: str,
    code: str,
    hours: int | None,
    every: bool,
    as_json: bool,
) -> None:
    """Store records out of quarantine.

    A record that cannot be stored stays in quarantine, with the new reason.
    """
    if not (numbers or gateway or code or hours or every):
        raise WrongUsage(NOTHING_SELECTED(), next_step=SELECT_RECORDS())
    with portal_ready():
        counts = _replay(_selected(gateway, code, hours, numbers))
    stored, rejected = counts["stored"], counts["rejected"]
    lines = [
        plural("{n} record was stored.", "{n} records were stored.", stored),
        plural("{n} record stays in quarantine.", "{n} records stay in quarantine.", rejected),
    ]
    say(counts, *(lines if rejected else lines[:1]), as_json=as_json)
    if rejected:
        sys.exit(PARTLY if stored else FAILED)


def _replay(selection: Selection) -> dict[str, int]:
    """How many of the selected records were stored, and how many were not."""
    from portal.ingest.canary import CanaryError
    from portal.ingest.quarantine import ReplayOutcome, replay, select

    counts = {"stored": 0, "rejected": 0}
    pks = list(select(selection).values_list("pk", flat=True))
    if not pks and selection.ids:
        raise Failure(NOT_IN_QUARANTINE(number=selection.ids[0]), next_step=LIST_QUARANTINE())
    try:
        for pk in pks:
            outcome = replay(pk)
            if outcome is not ReplayOutcome.GONE:
                counts[outcome.value] += 1
    except CanaryError as error:
        raise Failure(PORTAL_AT_FAULT(kind=error.kind), next_step=READ_INGEST_LOG()) from error
    return counts
