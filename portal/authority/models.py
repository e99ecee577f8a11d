"""What was issued, to whom, and what of it was revoked.

::

    root (files)  --< IssuedCertificate >-- fleet.Box     a box's; others have no box
       `--< RevocationList                 |
                                           Claim          what the box said when it asked
    fleet.Site --< AgentKey ---------------'

Rows are never deleted: they are the record of who was let in, by which key and with whose consent.

Source: design section 6; requirements E-25 and E-27.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.scoping import ScopedQuerySet
from portal.fleet.models import Box, Site


class Root(models.TextChoices):
    """The three roots. None vouches for what another one does: who can be a box cannot be a worker.

    The publisher's signs configuration and commands' way in; the boxes' also vouches for the
    portal towards boxes (claim endpoint and broker), told apart by the certificate's usage.
    """

    BOXES = "boxes"
    WORKERS = "workers"
    PUBLISHER = "publisher"


class Purpose(models.TextChoices):
    """What a certificate by the boxes' root is for, other than being a box."""

    BROKER = "broker"
    CLAIMS = "claims"
    SERVER = "server"
    CANARY = "canary"


class IssuedCertificateQuerySet(ScopedQuerySet["IssuedCertificate"]):
    """Certificates, by the organization of their box."""

    path = "box__gateway__site__organization"


class IssuedCertificate(models.Model):
    """A certificate that a root signed.

    Attributes:
        serial: In hexadecimal, without leading zeros.
        subject: The common name: a box's id, a worker's name, a server's first host.
        spki: SHA-256 of its public key (SubjectPublicKeyInfo), in hexadecimal.
        purpose: Empty for a box's, a worker's and the publisher's.
        valid_from: The certificate's ``notBefore``.
        expires_at: The certificate's ``notAfter``.
        replaced_by: What a server of ours took in its place; from then on nobody uses it.
        revoked_at: When it was revoked; every list made since holds it.
    """

    root = models.CharField(max_length=12, choices=Root)
    serial = models.CharField(max_length=40)
    subject = models.CharField(max_length=64)
    spki = models.CharField(max_length=64, db_index=True)
    pem = models.TextField()
    box = models.ForeignKey(Box, models.PROTECT, null=True, blank=True, related_name="certificates")
    purpose = models.CharField(max_length=12, choices=Purpose, blank=True, default="")
    replaced_by = models.ForeignKey("self", models.PROTECT, null=True, blank=True)
    valid_from = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True, default="")

    objects = IssuedCertificateQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["root", "serial"], name="serial_once_per_root")
        ]

    def __str__(self) -> str:
        return f"{self.subject} by {self.root}, serial {self.serial}"


class RevocationList(models.Model):
    """A list as published: the broker refuses everybody once the newest has expired.

    Attributes:
        number: Grows by one with every list of its root (RFC 5280, 5.2.3).
        valid_from: The list's ``thisUpdate``.
        expires_at: The list's ``nextUpdate``.
    """

    root = models.CharField(max_length=12, choices=Root)
    number = models.PositiveBigIntegerField()
    pem = models.TextField()
    valid_from = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["root", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["root", "number"], name="list_number_once_per_root")
        ]

    def __str__(self) -> str:
        return f"revocation list {self.number} of {self.root}"


class AgentKeyQuerySet(ScopedQuerySet["AgentKey"]):
    """Agent keys, by the organization of their site."""

    path = "site__organization"


class AgentKey(models.Model):
    """A key by which one box, or several, claim a place at a site.

    The key itself is shown once and not kept: of its secret there is only the hash.

    Attributes:
        gateway_name: What the box's gateway is called; empty: as the box's id.
        issued_by: Who issued it, where that was a person on a page who is still known here.
        issued_by_name: Who issued it, in words that stay; empty for keys from before this was kept.
        uses: For how many boxes it is good.
        used: How many have used it.
        tries_since: When the running minute of tries began.
        tries_right: Tries with the right secret within that minute.
        tries_wrong: The others; counted apart, so that who guesses does not lock out who knows.
    """

    key_id = models.CharField(max_length=8, unique=True)
    secret_digest = models.CharField(max_length=64)
    site = models.ForeignKey(Site, models.PROTECT, related_name="agent_keys")
    gateway_name = models.CharField(max_length=100, blank=True, default="")
    uses = models.PositiveSmallIntegerField()
    used = models.PositiveSmallIntegerField(default=0)
    issued_at = models.DateTimeField(default=timezone.now, editable=False)
    issued_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="issued_keys"
    )
    issued_by_name = models.CharField(max_length=400, blank=True, default="")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    tries_since = models.DateTimeField(null=True, blank=True)
    tries_right = models.PositiveIntegerField(default=0)
    tries_wrong = models.PositiveIntegerField(default=0)

    objects = AgentKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(used__lte=models.F("uses")), name="key_not_used_too_often"
            )
        ]

    def __str__(self) -> str:
        return f"agent key {self.key_id}"


class ClaimQuerySet(ScopedQuerySet["Claim"]):
    """Claims, by the organization of their agent key."""

    path = "agent_key__site__organization"


class Claim(models.Model):
    """A box's successful claim; one per public key, however often it asks.

    Attributes:
        spki: SHA-256 of the box's public key, in hexadecimal.
        certificate: What it is answered with now.
        terms: What was agreed to on the box, by its name there.
        inventory: What the box said it is.
    """

    spki = models.CharField(max_length=64, unique=True)
    agent_key = models.ForeignKey(AgentKey, models.PROTECT, related_name="claims")
    certificate = models.OneToOneField(IssuedCertificate, models.PROTECT, related_name="claim")
    terms = models.CharField(max_length=64)
    inventory = models.JSONField()
    claimed_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"claim of {self.certificate.subject}"
