"""Runs the uplink by the cloud settings and the enrolment, and restarts it when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from config.finding import ConfigError
from config.model import Cloud
from console.templates import control, system
from console.text import NO_MESSAGE, Message, MessageError
from gateway.link.broker_target import (
    BrokerTarget,
    NoBrokerError,
    enrolment_revision,
    resolve_broker,
)
from gateway.version import software
from provisioning.codes import CodedError

if TYPE_CHECKING:
    from cloud_link.spool.writer import SpoolWriter
    from cloud_link.uplink.uplink import Uplink
    from cloud_link.wire import Lane

log = structlog.get_logger("kanmon.link")


class Link:
    """The link to the portal, or why there is none.

    Args:
        writer: The spool whose records are sent.
        box: The box id.
        state: The state folder, with the enrolment and the secrets.
        boot: The first bytes of the id of this boot.
        now: Milliseconds since boot.
    """

    def __init__(
        self, writer: SpoolWriter, box: str, state: Path, boot: bytes, now: Callable[[], int]
    ) -> None:
        self._writer = writer
        self._box = box
        self._state = state
        self._boot = boot
        self._now = now
        self._uplink: Uplink | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: MessageError | ConfigError | OSError | None = None
        self._cloud: Cloud | None = None
        self._target = BrokerTarget(broker="", enrolled=False)
        self._revision: object = None
        self.offset: int | None = None
        """Milliseconds to add to a boot time for Unix time; ``None`` while unknown."""

    def start(self, tasks: asyncio.TaskGroup, cloud: Cloud) -> None:
        """Connect, and stay connected, as a task of ``tasks``."""
        self._tasks = tasks
        self.restart(cloud)

    def restart(self, cloud: Cloud) -> None:
        """Go on with new settings; what was in flight is sent again by the new uplink."""
        from cloud_link.mqtt.broker import MqttError
        from cloud_link.uplink.model import BoxInfo
        from cloud_link.uplink.uplink import Uplink

        assert self._tasks is not None, "the link was not started"
        if self._task:
            self._task.cancel()
        self._uplink, self._task, self._error = None, None, None
        self._cloud, self._revision = cloud, enrolment_revision(self._state)
        info = BoxInfo(
            boot=self._boot, software=software(), now=self._now, offset=lambda: self.offset
        )
        try:
            self._target = resolve_broker(self._state, self._box, cloud)
            self._uplink = Uplink(self._writer, self._target.to_broker(), self._box, info)
        except (CodedError, ConfigError, MqttError, NoBrokerError, OSError) as error:
            self._target = BrokerTarget(broker=cloud.broker or "", enrolled=False)
            self._error = error
            log.error("broker_unresolved", error=str(error))
            return
        self._task = self._tasks.create_task(self._uplink.run(), name="uplink")

    def refresh(self) -> None:
        """Connect anew if the box was enrolled, or enrolled again, meanwhile."""
        if self._cloud is not None and enrolment_revision(self._state) != self._revision:
            log.info("box_identity_changed", identity=str(self._state / "identity"))
            self.restart(self._cloud)

    def appended(self, lanes: frozenset[Lane]) -> None:
        """Notify the uplink that records were appended to these lanes of the spool."""
        if self._uplink:
            self._uplink.appended(lanes)

    @property
    def expires_at(self) -> int | None:
        """When the box's certificate expires, Unix milliseconds; ``None`` without one."""
        return self._target.expires_at

    def to_json(self) -> dict[str, Any]:
        """The link as `kanmon status` shows it; its ``error`` and ``next`` are messages or null."""
        if self._uplink is None:
            return {**self._target.to_json(), "connected": False, **_to_json(self._error)}
        state, now = self._uplink.state, self._now()
        since, acked = state.connected_since, state.last_ack_at
        return {
            **self._target.to_json(),
            "connected": since is not None,
            "connected_s": None if since is None else (now - since) // 1000,
            "last_ack_s": None if acked is None else (now - acked) // 1000,
            "session": state.session,
            "in_flight_records": state.in_flight_records,
            "delivered": state.delivered,
            "rejected": state.rejected,
            "pausing": state.pausing,
            **_to_json(state.error),
        }


def _to_json(error: MessageError | ConfigError | OSError | None) -> dict[str, Any]:
    """What went wrong with its cause, where, and the next step; null and "" for missing parts."""
    what, where, step = _parts(error)
    return {
        "error": what.to_json() if what else None,
        "where": where,
        "next": step.to_json() if step else None,
    }


def _parts(
    error: MessageError | ConfigError | OSError | None,
) -> tuple[Message, str, Message]:
    match error:
        case None:
            return NO_MESSAGE, "", NO_MESSAGE
        case MessageError():
            return control.cause(error.what, error.why), error.where, error.next_step
        case ConfigError():
            found = error.findings[0]
            return control.cause(found.what, found.why), found.where, found.next
    return system.reason(error), str(error.filename or ""), NO_MESSAGE
