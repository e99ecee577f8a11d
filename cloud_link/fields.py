"""The types of fields that travel: each knows the values it may have. Pure.

msgspec checks them while it decodes, on both sides alike, and the description of the wire in
``docs/reference/asyncapi.yaml`` states them. What depends on more than one field, or on what a
character is, `cloud_link.validation` checks.

Source: https://jcristharif.com/msgspec/constraints.html
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from cloud_link import limits


def _octets(least: int, most: int) -> Meta:
    """A length in bytes; beside it a schema made by msgspec gives the length of their Base64."""
    described = {"octets": [least, most]}
    return Meta(min_length=least, max_length=most, extra_json_schema=described)


Int64 = Annotated[int, Meta(ge=limits.INT64_LEAST, le=limits.INT64_MOST)]
Seq = Annotated[int, Meta(ge=0, le=limits.SEQ_LIMIT - 1)]
Ordinal = Annotated[int, Meta(ge=0, le=limits.ORDINAL_LIMIT - 1)]
SessionNumber = Annotated[int, Meta(ge=0, le=limits.SESSION_LIMIT - 1)]
Count = Annotated[int, Meta(ge=0, le=limits.COUNT_LIMIT - 1)]
LaneNumber = Annotated[int, Meta(ge=0, le=3)]
WaitMs = Annotated[int, Meta(ge=0, le=limits.WAIT_LIMIT_MS)]
BootMs = Annotated[int, Meta(ge=0, le=limits.BOOT_LIMIT_MS - 1)]
"""Milliseconds since boot."""
BootDelta = Annotated[int, Meta(ge=1 - limits.BOOT_LIMIT_MS, le=limits.BOOT_LIMIT_MS - 1)]
"""Milliseconds between two times since boot."""
EpochName = Annotated[bytes, _octets(limits.EPOCH_SIZE, limits.EPOCH_SIZE)]
Boot = Annotated[bytes, _octets(limits.BOOT_SIZE, limits.BOOT_SIZE)]
TableId = Annotated[bytes, _octets(limits.TABLE_ID_SIZE, limits.TABLE_ID_SIZE)]
Digest = Annotated[bytes, _octets(0, limits.DIGEST_SIZE)]
Runs = Annotated[tuple[tuple[Seq, Seq], ...], Meta(max_length=limits.RUNS_LIMIT)]
"""First and last number of each run."""
OrdinalRuns = Annotated[
    tuple[tuple[Ordinal, Ordinal], ...], Meta(max_length=limits.ORDINAL_RUNS_LIMIT)
]
"""First and last ordinal of each run."""
NextSeqs = dict[LaneNumber, Annotated[int, Meta(ge=0, le=limits.SEQ_LIMIT)]]
"""For each lane a sequence number that none was given yet."""
LastSeqs = dict[LaneNumber, Seq]
"""For each lane a sequence number that was given."""
Word = Annotated[str, Meta(max_length=limits.WORD_LENGTH)]
"""A word of a closed vocabulary."""
Code = Annotated[str, Meta(max_length=limits.CODE_LENGTH)]
Value = Int64 | Annotated[str, Meta(max_length=limits.SAMPLE_TEXT_LIMIT)] | None
"""A value of a data record."""
Values = Annotated[list[Value], Meta(max_length=limits.COLUMNS_LIMIT)]
ColumnBitmap = Annotated[bytes, _octets(0, (limits.COLUMNS_LIMIT + 7) // 8)]
TimeRuns = Annotated[
    tuple[tuple[Annotated[int, Meta(ge=0, le=limits.COLUMNS_LIMIT)], BootDelta], ...],
    Meta(max_length=limits.COLUMNS_LIMIT),
]
Qualities = Annotated[
    tuple[
        tuple[
            Annotated[int, Meta(ge=0, le=limits.COLUMNS_LIMIT - 1)],
            Annotated[int, Meta(ge=0, le=255)],
        ],
        ...,
    ],
    Meta(max_length=limits.COLUMNS_LIMIT),
]
