"""Sites, the locations and the gateways at them and the boxes that speak for a gateway.

Source: design section 8.
"""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

from cloud_link import limits
from portal.accounts.models import Organization
from portal.accounts.scoping import ScopedQuerySet
from portal.fleet.names import NAME_LENGTH
from portal.fleet.natural_order import NaturalKeyField
from portal.fleet.site_details import END_OF_MONTH, Coordinates

UNHEARD: Final = -1
"""The order of what was never heard; every real order is greater."""


class SiteQuerySet(ScopedQuerySet["Site"]):
    """Queries of sites."""

    path = "organization"


class Site(models.Model):
    """A place with a time zone, in which a day of billing begins at midnight.

    What administrators say of it (`portal.fleet.actions.edit_site`) is empty where they say
    nothing; ``revision`` counts how often, so that pages see the change.

    Attributes:
        country: ISO 3166-1 alpha-2.
        prefecture: The prefecture, state or province.
        contact: The name of the person to ask.
        latitude, longitude: Decimal degrees (WGS 84), north and east positive; both or neither.
        closing_day: The last day of a billing month. A month without that day closes on its last
            one, so that `END_OF_MONTH` is the end of every month.
    """

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="sites")
    name = models.CharField(max_length=NAME_LENGTH)
    time_zone = models.CharField(max_length=64)
    country = models.CharField(max_length=2, blank=True, default="")
    postal_code = models.CharField(max_length=16, blank=True, default="")
    prefecture = models.CharField(max_length=100, blank=True, default="")
    city = models.CharField(max_length=100, blank=True, default="")
    street = models.CharField(max_length=200, blank=True, default="")
    contact = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    phone = models.CharField(max_length=32, blank=True, default="")
    latitude = models.DecimalField(max_digits=8, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    closing_day = models.PositiveSmallIntegerField(default=END_OF_MONTH)
    revision = models.PositiveIntegerField(default=0)
    sort_key = NaturalKeyField()

    objects = SiteQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["sort_key", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="site_name_once"),
            models.CheckConstraint(
                condition=Q(closing_day__range=(1, END_OF_MONTH)), name="site_closing_day"
            ),
            models.CheckConstraint(
                condition=Q(latitude=None, longitude=None)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="site_coordinates",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def coordinates(self) -> Coordinates | None:
        """Where it is on the earth."""
        if self.latitude is None or self.longitude is None:
            return None
        return Coordinates(latitude=self.latitude, longitude=self.longitude)


class InstallationLocationQuerySet(ScopedQuerySet["InstallationLocation"]):
    """Queries of installation locations."""

    path = "site__organization"


class InstallationLocation(models.Model):
    """A place at a site where devices stand, in the words of its people: ``Building A / 3F``."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="installation_locations")
    name = models.CharField(max_length=NAME_LENGTH)
    sort_key = NaturalKeyField()

    objects = InstallationLocationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["sort_key", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "name"], name="location_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class GatewayQuerySet(ScopedQuerySet["Gateway"]):
    """Queries of gateways."""

    path = "site__organization"


class Gateway(models.Model):
    """A gateway in the customer's records, whichever box speaks for it."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="gateways")
    name = models.CharField(max_length=NAME_LENGTH)
    sort_key = NaturalKeyField()

    objects = GatewayQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["sort_key", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "name"], name="gateway_name_once")
        ]

    def __str__(self) -> str:
        return self.name


class BoxQuerySet(ScopedQuerySet["Box"]):
    """Queries of boxes."""

    path = "gateway__site__organization"


class Box(models.Model):
    """The hardware that speaks for a gateway.

    Attributes:
        box_id: Its name in its certificate and in every topic.
        boot: The first 8 bytes of its boot id in hexadecimal, as of its last session.
        session: Number of its last session.
        alive: Whether that session has not ended, as far as the broker knows. Liveness also
            needs a recent ``last_heard_at``: a will can be lost.
        epoch_ordinal: Of the spool epoch it announced last.
    """

    gateway = models.ForeignKey(Gateway, models.PROTECT, related_name="boxes")
    box_id = models.CharField(max_length=36, unique=True)
    boot = models.CharField(max_length=16, blank=True, default="")
    session = models.BigIntegerField(default=UNHEARD)
    alive = models.BooleanField(default=False)
    last_heard_at = models.DateTimeField(null=True, blank=True)
    epoch_ordinal = models.BigIntegerField(default=UNHEARD)
    software = models.CharField(max_length=limits.SOFTWARE_LENGTH, blank=True, default="")

    objects = BoxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "boxes"
        ordering: ClassVar = ["box_id"]

    def __str__(self) -> str:
        return self.box_id
