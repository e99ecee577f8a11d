"""Devices with their conditions and supplies, groups of devices, and running configurations.

Source: design sections 2 and 8; requirement C-17.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final, Self

from django.db import models
from django.db.models import Case, Q, Value, When

from cloud_link import limits
from drivers.report import Reachability, Severity, State
from portal.accounts.models import Organization
from portal.accounts.scoping import ScopedQuerySet
from portal.fleet.models.sites import UNHEARD, Gateway, InstallationLocation
from portal.fleet.names import GROUP_NAME_WIDTH, NAME_LENGTH
from portal.fleet.natural_order import NaturalKeyField

LINK: Final = "comm."
"""Prefix of conditions of the link to a device, which are known even while it is silent."""
GATEWAY_DEVICE: Final = "gateway"
"""The name under which a gateway reports about itself."""


class DeviceGroupQuerySet(ScopedQuerySet["DeviceGroup"]):
    """Queries of device groups."""

    path = "organization"


class DeviceGroup(models.Model):
    """A group of devices. A device is in one or none; a group without devices is deleted."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="device_groups")
    name = models.CharField(max_length=GROUP_NAME_WIDTH)
    sort_key = NaturalKeyField()

    objects = DeviceGroupQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["sort_key", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="device_group_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class DeviceQuerySet(ScopedQuerySet["Device"]):
    """Queries of devices."""

    path = "gateway__site__organization"


class Device(models.Model):
    """Something a gateway reads, or the gateway itself (``gateway``).

    What is written here comes from event records and is split into aspects, each taken from the
    newest event that speaks of it, so that the order of arrival never matters:

    * reachability, state and ``comm.*`` conditions: from every event (``event_order``);
    * other conditions and supplies: from events of a device that answers, or that name some
      (``own_order``): an unreachable device's conditions are frozen, not cleared;
    * identity: from events that know any of it (``identity_order``).

    Orders compare what one box said. ``speaker`` is the box they are of, by id: a box that was
    assigned to the gateway later has the greater one, and begins anew; what its predecessor still
    delivers changes nothing here.

    ``last_heard_at`` is when an event was received last that says that the device answers, by the
    portal's clock; ``reported_at`` is when the newest event was made, by the gateway's.

    What people say (`portal.fleet.actions.describe_device`): ``given_name``, ``location``,
    ``group``, ``kind_given``; ``revision`` counts how often, so that pages see the change.
    """

    gateway = models.ForeignKey(Gateway, models.PROTECT, related_name="devices")
    name = models.CharField(max_length=limits.DEVICE_LENGTH)
    label = models.CharField(max_length=limits.LABEL_LENGTH, blank=True, default="")
    maker = models.CharField(max_length=limits.IDENTITY_LENGTHS["maker"], blank=True, default="")
    model = models.CharField(max_length=limits.IDENTITY_LENGTHS["model"], blank=True, default="")
    serial = models.CharField(max_length=limits.IDENTITY_LENGTHS["serial"], blank=True, default="")
    firmware = models.CharField(
        max_length=limits.IDENTITY_LENGTHS["firmware"], blank=True, default=""
    )
    mac = models.CharField(max_length=limits.IDENTITY_LENGTHS["mac"], blank=True, default="")
    reachability = models.CharField(max_length=limits.WORD_LENGTH, default=Reachability.NEVER.value)
    state = models.CharField(max_length=16, default=State.OTHER.value)
    reported_at = models.DateTimeField(null=True, blank=True)
    reported_clock = models.BigIntegerField(null=True, blank=True)
    last_heard_at = models.DateTimeField(null=True, blank=True)
    speaker = models.BigIntegerField(default=0)
    event_order = models.BigIntegerField(default=UNHEARD)
    own_order = models.BigIntegerField(default=UNHEARD)
    identity_order = models.BigIntegerField(default=UNHEARD)
    given_name = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    location = models.ForeignKey(
        InstallationLocation, models.SET_NULL, related_name="devices", null=True
    )
    group = models.ForeignKey(DeviceGroup, models.SET_NULL, related_name="devices", null=True)
    kind_given = models.CharField(max_length=32, blank=True, default="")
    revision = models.PositiveIntegerField(default=0)
    sort_key = NaturalKeyField(sources=("given_name", "label", "name"))

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["sort_key", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gateway", "name"], name="device_name_once")
        ]
        indexes: ClassVar = [models.Index(fields=["gateway", "id"], name="device_first")]

    def __str__(self) -> str:
        return self.given_name or self.label or self.name

    @property
    def known_state(self) -> State:
        """What it is doing; `State.OTHER` for a word that this portal does not know."""
        return State(self.state) if self.state in set(State) else State.OTHER


def severity_rank() -> Case:
    """The rank of a condition's severity, `drivers.report.Severity.rank`, in SQL."""
    return Case(
        *(When(severity=one.value, then=Value(one.rank)) for one in Severity),
        default=Value(Severity.WARNING.rank),
        output_field=models.SmallIntegerField(),
    )


BY_GRAVITY: Final = (severity_rank(), "raised_at", "code", "component", "pk")
"""The order of open conditions, as `DeviceCondition.gravity`."""


class DeviceConditionQuerySet(ScopedQuerySet["DeviceCondition"]):
    """Queries of conditions."""

    path = "device__gateway__site__organization"

    def open(self) -> Self:
        """The conditions that are open now."""
        return self.filter(cleared_at__isnull=True)

    def gravest_first(self) -> Self:
        """The most severe first, the oldest among equals."""
        return self.order_by(*BY_GRAVITY)


class DeviceCondition(models.Model):
    """A condition of a device from ``raised_at`` until ``cleared_at``, at one severity.

    Identity is (device, code, component). A change of severity is an edge: it ends one row and
    begins another.

    Texts are English; ids and arguments are those of `console.text.Message`. ``evidence`` is a
    list of `drivers.report.Evidence` as objects; ``source`` is its text where an older gateway
    sent no more.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="conditions")
    code = models.CharField(max_length=limits.CODE_LENGTH)
    component = models.CharField(max_length=limits.COMPONENT_LENGTH, blank=True, default="")
    severity = models.CharField(max_length=16)
    message = models.TextField(blank=True, default="")
    message_id = models.CharField(max_length=limits.TEMPLATE_ID_LENGTH, blank=True, default="")
    message_args = models.JSONField(default=dict, blank=True)
    next_step = models.TextField(blank=True, default="")
    next_step_id = models.CharField(max_length=limits.TEMPLATE_ID_LENGTH, blank=True, default="")
    next_step_args = models.JSONField(default=dict, blank=True)
    source = models.TextField(blank=True, default="")
    evidence = models.JSONField(default=list, blank=True)
    raised_at = models.DateTimeField()
    raised_clock = models.BigIntegerField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)
    cleared_clock = models.BigIntegerField(null=True, blank=True)

    objects = DeviceConditionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-raised_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device", "code", "component"],
                condition=Q(cleared_at__isnull=True),
                name="condition_open_once",
            )
        ]
        # SQLite does not find open ones among a long history by the partial index above.
        indexes: ClassVar = [models.Index(fields=["device", "cleared_at"], name="condition_open")]

    def __str__(self) -> str:
        return f"{self.code} {self.component}".rstrip()

    @property
    def of_link(self) -> bool:
        """Whether it concerns the link to the device, not the device."""
        return self.code.startswith(LINK)

    @property
    def key(self) -> tuple[str, str]:
        """What identifies a condition within its device: code and component."""
        return (self.code, self.component)

    @property
    def known_severity(self) -> Severity:
        """How severe it is; a warning where this portal does not know the word."""
        return Severity(self.severity) if self.severity in set(Severity) else Severity.WARNING

    def gravity(self) -> tuple[int, datetime, str, str]:
        """The key to sort by: the gravest first, then the oldest."""
        return (self.known_severity.rank, self.raised_at, self.code, self.component)


class DeviceSupplyQuerySet(ScopedQuerySet["DeviceSupply"]):
    """Queries of supplies."""

    path = "device__gateway__site__organization"


class DeviceSupply(models.Model):
    """Something that is used up or fills up; as `drivers.report.Supply`.

    ``level`` is per cent of life (waste: of space) left, NULL with a ``state`` where unknown.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="supplies")
    kind = models.CharField(max_length=limits.SUPPLY_WORD_LENGTH)
    colour = models.CharField(max_length=limits.SUPPLY_WORD_LENGTH, blank=True, default="")
    name = models.CharField(max_length=limits.SUPPLY_NAME_LENGTH, blank=True, default="")
    level = models.SmallIntegerField(null=True, blank=True)
    capacity = models.BigIntegerField(null=True, blank=True)
    unit = models.CharField(max_length=limits.SUPPLY_WORD_LENGTH, blank=True, default="")
    state = models.CharField(max_length=16)

    objects = DeviceSupplyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "device supplies"
        ordering: ClassVar = ["kind", "colour", "name", "id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.colour}".rstrip()


class RunningConfigurationQuerySet(ScopedQuerySet["RunningConfiguration"]):
    """Queries of running configurations."""

    path = "gateway__site__organization"

    def newest(self) -> RunningConfiguration | None:
        """The configuration that runs now, as far as the portal knows."""
        return self.order_by("-speaker", "-order").first()


class RunningConfiguration(models.Model):
    """A configuration that a gateway began to run.

    Attributes:
        digest: Its SHA-256 in hexadecimal.
        author: Who made it, in the gateway's words.
        document: The whole configuration as JSON text; secrets are references.
        at: When it began to run.
        speaker: The box that ran it, by id; one assigned later has the greater.
        order: Which one of its box is newer.
    """

    gateway = models.ForeignKey(Gateway, models.CASCADE, related_name="configurations")
    digest = models.CharField(max_length=64)
    author = models.CharField(max_length=limits.LABEL_LENGTH, blank=True, default="")
    document = models.TextField()
    at = models.DateTimeField()
    clock = models.BigIntegerField(null=True, blank=True)
    speaker = models.BigIntegerField(default=0)
    order = models.BigIntegerField()

    objects = RunningConfigurationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["speaker", "order", "id"]

    def __str__(self) -> str:
        return self.digest[:12]
