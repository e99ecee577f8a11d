"""MQTT topics: the only module that spells them.

One tree per box; a box is its certificate's common name, never its label::

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
    """The channels on which a box publishes."""

    ONLINE = "online"
    TABLE = "table"
    DATA = "data"
    EVENT = "event"
    REPLY = "reply"


class Down(StrEnum):
    """The channels on which the portal publishes to a box."""

    ACK = "ack"
    CONFIG = "config"
    COMMAND = "command"


class TopicError(ValueError):
    """A topic or box id that does not have the form described in this module."""


def up(box: str, channel: Up) -> str:
    """The topic on which ``box`` publishes ``channel``; raises `TopicError` for an invalid id."""
    return f"{ROOT}/{_checked(box)}/up/{channel.value}"


def down(box: str, channel: Down) -> str:
    """The topic on which the portal publishes ``channel`` to ``box``; raises `TopicError`."""
    return f"{ROOT}/{_checked(box)}/down/{channel.value}"


ALL_UP = f"{ROOT}/+/up/#"
"""The filter to which the portal's workers subscribe where the broker has no shared ones."""

SHARED_UP = f"$share/ingest/{ROOT}/+/up/#"
"""The same filter as a shared subscription: the broker distributes messages among workers."""


@dataclass(frozen=True, slots=True)
class UpTopic:
    """The parts of an ``up`` topic: the box, and the channel."""

    box: str
    channel: Up


def parse_up(topic: str) -> UpTopic:
    """Parse an ``up`` topic; raises `TopicError` for anything else."""
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
