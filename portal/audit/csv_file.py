"""The log as a CSV file, in UTF-8 with a byte order mark, which Excel needs.

Times are ISO 8601 with their offset. A text that a spreadsheet would run as a formula is disarmed
(`portal.web.spreadsheet`).
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from portal.audit.rows import row_of
from portal.web.spreadsheet import Line, escape_formula

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portal.audit.reading import EntryView
    from portal.audit.rows import Row


def lines(views: Iterable[EntryView], zone: str) -> Iterator[str]:
    """The lines of the file, which are made as they are sent."""
    line = Line()
    writer = csv.writer(line)
    writer.writerow(
        [
            _("Number"),
            _("Time"),
            _("Performed by"),
            _("Acting for"),
            _("Action"),
            _("Type"),
            _("Item"),
            _("Before"),
            _("After"),
        ]
    )
    yield f"\ufeff{line.text}"
    for view in views:
        row = row_of(view, zone)
        at = row.at.local.isoformat(timespec="milliseconds") if row.at.local else ""
        number, *texts = _cells(row)
        writer.writerow([number, at, *map(escape_formula, texts)])
        yield line.text


def _cells(row: Row) -> list[str]:
    before = [f"{one.field}: {one.before}" for one in row.changes if one.before]
    after = [f"{one.field}: {one.after}" for one in row.changes if one.after]
    erased = [_("erased")] if row.erased else []
    return [
        str(row.number),
        row.actor.text,
        row.acting_for.text if row.acting_for else "",
        row.action,
        row.subject.kind,
        row.subject.text,
        "\n".join(before or erased),
        "\n".join(after or erased),
    ]
