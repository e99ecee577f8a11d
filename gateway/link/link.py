"""The daemon's hold on the uplink: built from the cloud settings, built anew when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from config.finding import ConfigError
from config.model import Cloud
from gateway.link.broker_target import NoWayError, Way, find, mark
from gateway.version import software
from provisioning.codes import CodedError

if TYPE_CHECKING:
    from cloud_link.spool.writer import SpoolWriter
    from cloud_link.uplink.uplink import Uplink
    from cloud_link.wire import Lane

log = structlog.get_logger("kanmon.link")


class Link:
    """The way to the portal, or why there is none.

    Args:
        writer: The spool.
        box: The box id.
        state: The state folder, where secrets are.
        boot: The first bytes of this boot's id.
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
        self._trouble = ""
        self._cloud: Cloud | None = None
        self._way = Way(broker="", enrolled=False)
        self._mark: object = None
        self.offset: int | None = None
        """What the box believes its clock's offset to be."""

    def start(self, tasks: asyncio.TaskGroup, cloud: Cloud) -> None:
        """Connect, and stay so, as a task of ``tasks``."""
        self._tasks = tasks
        self.restart(cloud)

    def restart(self, cloud: Cloud) -> None:
        """Go on with other settings; what was in flight is sent again by the new uplink."""
        from cloud_link.mqtt.broker import MqttError
        from cloud_link.uplink.model import Facts
        from cloud_link.uplink.uplink import Uplink

        assert self._tasks is not None, "the link was not started"
        if self._task:
            self._task.cancel()
        self._uplink, self._task, self._trouble = None, None, ""
        self._cloud, self._mark = cloud, mark(self._state)
        facts = Facts(
            boot=self._boot, software=software(), now=self._now, offset=lambda: self.offset
        )
        try:
            self._way = find(self._state, self._box, cloud)
            self._uplink = Uplink(self._writer, self._way.address(), self._box, facts)
        except (CodedError, ConfigError, MqttError, NoWayError, OSError) as error:
            self._way = Way(broker=cloud.broker or "", enrolled=False)
            self._trouble = str(error)
            log.error("broker_unresolved", error=self._trouble)
            return
        self._task = self._tasks.create_task(self._uplink.run(), name="uplink")

    def look(self) -> None:
        """Connect anew where the box has got a name, or another one, meanwhile."""
        if self._cloud is not None and mark(self._state) != self._mark:
            log.info("box_identity_changed", identity=str(self._state / "identity"))
            self.restart(self._cloud)

    def appended(self, lanes: frozenset[Lane]) -> None:
        """Say that something came into these lanes of the spool."""
        if self._uplink:
            self._uplink.appended(lanes)

    @property
    def expires_at(self) -> int | None:
        """When the certificate it goes by ends, Unix milliseconds."""
        return self._way.expires_at

    def to_json(self) -> dict[str, Any]:
        """How the link is now."""
        if self._uplink is None:
            return {**self._way.to_json(), "connected": False, "error": self._trouble}
        state, now = self._uplink.state, self._now()
        since, acked = state.connected_since, state.last_ack_at
        return {
            **self._way.to_json(),
            "connected": since is not None,
            "connected_s": None if since is None else (now - since) // 1000,
            "last_ack_s": None if acked is None else (now - acked) // 1000,
            "session": state.session,
            "in_flight_records": state.in_flight_records,
            "delivered": state.delivered,
            "rejected": state.rejected,
            "pausing": state.pausing,
            "error": state.error,
        }
