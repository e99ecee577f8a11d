"""The only place that spells an MQTT topic.

One tree per box; a box is its certificate's common name, never a person's name for it::

    kanmon/1/<box>/up/{online,table,data,event,reply}      box -> portal
    kanmon/1/<box>/down/{ack,config,command}               portal -> box

Source: design section 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

ROOT = "kanmon/1"
BOX_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,35}")
"""A box id: letters, digits and hyphens, 3 to 36; no MQTT wildcard, no separator."""


class Up(StrEnum):
    """What a box says."""

    ONLINE = "online"
    TABLE = "table"
    DATA = "data"
    EVENT = "event"
    REPLY = "reply"


class Down(StrEnum):
    """What the portal says to a box."""

    ACK = "ack"
    CONFIG = "config"
    COMMAND = "command"


class TopicError(ValueError):
    """A topic or box id that is not ours."""


def up(box: str, channel: Up) -> str:
    """The topic on which ``box`` says ``channel``; raises `TopicError` for an unusable id."""
    return f"{ROOT}/{_checked(box)}/up/{channel.value}"


def down(box: str, channel: Down) -> str:
    """The topic on which the portal says ``channel`` to ``box``."""
    return f"{ROOT}/{_checked(box)}/down/{channel.value}"


ALL_UP = f"{ROOT}/+/up/#"
"""What the portal's workers subscribe to, plain or behind `SHARED_UP`'s share."""

SHARED_UP = f"$share/ingest/{ROOT}/+/up/#"
"""The same, dealt out among workers by the broker."""


@dataclass(frozen=True, slots=True)
class UpTopic:
    """A topic taken apart: whose, and which channel."""

    box: str
    channel: Up


def parse_up(topic: str) -> UpTopic:
    """Take an ``up`` topic apart; raises `TopicError` for anything else."""
    parts = topic.split("/")
    try:
        root, version, box, direction, channel = parts
        found = Up(channel)
    except ValueError:
        raise TopicError(f"{topic!r} is not {ROOT}/<box>/up/<channel>") from None
    if f"{root}/{version}" != ROOT or direction != "up":
        raise TopicError(f"{topic!r} is not below {ROOT}/<box>/up/")
    return UpTopic(_checked(box), found)


def _checked(box: str) -> str:
    if not BOX_ID.fullmatch(box):
        raise TopicError(f"{box!r} is not a box id: 3 to 36 of a-z, 0-9 and -")
    return box
