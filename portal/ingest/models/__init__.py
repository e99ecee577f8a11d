"""The tables of the ingest.

::

    Box --- Epoch --- Receipt*      (lane, seq, hash) of every record taken, for a while
     |        |------ Watermark*    per lane: everything up to here was received
     |        |------ Gap*          what the box dropped, and said so
     |        `------ Renumbering*  numbers whose records it sent again under others
     |------ Hole*                  what was acknowledged, is not here, and was asked for again
     |------ WireTable*             what the integers of its data records mean
     |------ BootClock*             what its boots' milliseconds mean
     |------ Redating*             corrections of clocks that still have samples to move
     |------ UndatedBoot*            its boots of which none is known, and how much waits for it
     |         `---- UndatedDevice*  of each of its devices
     |------ PendingClock*           the records that wait
     |------ Quarantine*            records that could not be taken
     `------ RefusedTable*          tables that could not be taken, for the records that need them
    Alarm                           the portal itself fails: nothing is held against the boxes
    Device -- Series* -- Sample*, TextSample*, Latest

``at`` and other ``_ms`` are integers: Unix time in milliseconds, or milliseconds since boot where
the name says ``boot``.

May be imported by every app above it.

Source: design section 5.
"""

from portal.ingest.models.clocks import (
    BootClock,
    PendingClock,
    Redating,
    UndatedBoot,
    UndatedDevice,
)
from portal.ingest.models.losses import Gap, Hole, Renumbering
from portal.ingest.models.quarantine import Alarm, Failure, Quarantine, RefusedTable
from portal.ingest.models.receipts import Epoch, Receipt, Watermark
from portal.ingest.models.series import (
    Latest,
    Sample,
    Series,
    SeriesQuerySet,
    TextSample,
    WireTable,
)

__all__ = [
    "Alarm",
    "BootClock",
    "Epoch",
    "Failure",
    "Gap",
    "Hole",
    "Latest",
    "PendingClock",
    "Quarantine",
    "Receipt",
    "Redating",
    "RefusedTable",
    "Renumbering",
    "Sample",
    "Series",
    "SeriesQuerySet",
    "TextSample",
    "UndatedBoot",
    "UndatedDevice",
    "Watermark",
    "WireTable",
]
