"""Acknowledgements that wait to be settled together. Pure.

A portal answers message by message, and settling an answer costs the spool some twenty statements,
whatever it names. So answers that only say what is stored are joined, for each epoch and lane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloud_link.wire import Ack, Lane


def is_plain(ack: Ack) -> bool:
    """Whether an acknowledgement only says what is stored."""
    more = ack.rejected or ack.need_table or ack.conflict or ack.wait_ms or ack.resend
    return not more and ack.renew is None


def joined(acks: Iterable[Ack]) -> list[Ack]:
    """The acknowledgements with plain ones joined, none of them past one that is not plain."""
    result: list[Ack] = []
    places: dict[tuple[bytes, Lane], int] = {}
    for ack in acks:
        if not is_plain(ack):
            places.clear()
            result.append(ack)
            continue
        place = places.setdefault((ack.epoch, ack.lane), len(result))
        if place == len(result):
            result.append(ack)
        else:
            known = result[place]
            result[place] = msgspec.structs.replace(known, ok=(*known.ok, *ack.ok))
    return result
