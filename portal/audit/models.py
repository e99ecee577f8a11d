"""What the audit log stores: entries, the details beside them, and the heads of their chains.

::

    Head -- Entry* >.. Detail    an entry holds a detail's commitment, and never its text
    |       `-- hash of the entry before it
    `-- number and hash of the last entry, signed

There is one chain for each organization and one for the portal (`portal.audit.chain`). Entries are
only added: these models refuse to change or delete one, and so do triggers in both databases. Of a
detail, salt and text can be erased and nothing else can change.

Source: design sections 7 and 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Self, TypeVar

from django.apps import apps
from django.db import models

from portal.audit.chain import CHANGE, NAME

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

M = TypeVar("M", bound=models.Model)


class AppendOnlyError(TypeError):
    """An attempt to change or delete what is only added to: an error of the program."""


def _refuse() -> NoReturn:
    raise AppendOnlyError("rows of the audit log are only added, never changed or deleted")


class AppendOnlyQuerySet(models.QuerySet[M, M], Generic[M]):
    """Rows that are read and added; every other operation raises `AppendOnlyError`."""

    def update(self, **_: Any) -> NoReturn:
        """Refused."""
        _refuse()

    def delete(self) -> NoReturn:
        """Refused."""
        _refuse()

    def bulk_update(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        _refuse()

    def bulk_create(self, objs: Any, *args: Any, **options: Any) -> list[M]:
        """Add rows; refused where a row that is there could be changed."""
        if args or options.get("update_conflicts"):
            _refuse()
        return super().bulk_create(objs, **options)


class AppendOnly(models.Model):
    """A row that is saved once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; raises `AppendOnlyError` where it is there."""
        if not self._state.adding:
            _refuse()
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        _refuse()


class EntryQuerySet(AppendOnlyQuerySet["Entry"]):
    """Entries, by what a user may see."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The entries of the organizations that ``user`` administers; none without a session."""
        if not user.is_authenticated:
            return self.none()
        # Named, not imported: the app is above this one.
        memberships = apps.get_model("accounts.Membership")._default_manager
        administered = memberships.filter(user_id=user.pk, role="administrator")
        return self.filter(chain__in=administered.values("organization_id"))


class Entry(AppendOnly):
    """One thing that was done, or one look.

    Attributes:
        chain: The organization's id, or `portal.audit.chain.PORTAL_CHAIN`.
        sequence: Its number in its chain, from 1.
        previous: The hash of the entry before it.
        hash: Its own.
        at_ms: When it was recorded, Unix milliseconds by the server's clock.
        hour: Of a look, hours since 1970: one person looks at one thing once an hour; else NULL.
        action: The id of a template in `console.templates.audit`.
        actor_kind, actor_id: Who did it; kinds are in `portal.audit.kinds`.
        acting_for_kind, acting_for_id: For whom, where that is somebody else; else "".
        subject_kind, subject_id: What it was done to.
        actor_detail, acting_for_detail, subject_detail: The commitment to each one's name at that
            time; "" where there was none.
        change_detail: The commitment to what was before and after; "" where there is neither.
    """

    chain = models.BigIntegerField()
    sequence = models.BigIntegerField()
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    at_ms = models.BigIntegerField()
    hour = models.BigIntegerField(null=True)
    action = models.CharField(max_length=64)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64, blank=True)
    acting_for_kind = models.CharField(max_length=16, blank=True)
    acting_for_id = models.CharField(max_length=64, blank=True)
    subject_kind = models.CharField(max_length=16)
    subject_id = models.CharField(max_length=64, blank=True)
    actor_detail = models.CharField(max_length=64, blank=True)
    acting_for_detail = models.CharField(max_length=64, blank=True)
    subject_detail = models.CharField(max_length=64, blank=True)
    change_detail = models.CharField(max_length=64, blank=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        ordering: ClassVar = ["chain", "sequence"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain", "sequence"], name="audit_sequence_once"),
            models.UniqueConstraint(
                fields=["chain", "subject_kind", "subject_id", "actor_kind", "actor_id", "hour"],
                name="audit_look_once_an_hour",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["chain", "actor_kind", "actor_id", "sequence"], name="audit_by"),
            models.Index(
                fields=["chain", "subject_kind", "subject_id", "sequence"], name="audit_about"
            ),
            models.Index(fields=["chain", "action", "sequence"], name="audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.chain}/{self.sequence} {self.action}"


class DetailQuerySet(AppendOnlyQuerySet["Detail"]):
    """Details; their erasure is the one change that is allowed."""

    def erase(self, at_ms: int) -> int:
        """Erase salt and text of these details; returns how many still had them."""
        kept = self.filter(erased_at_ms=None)
        return models.QuerySet.update(kept, salt="", text="", erased_at_ms=at_ms)


class Detail(AppendOnly):
    """A text beside entries that can be erased: a name as it was, or what changed.

    Attributes:
        chain: The chain whose entries hold its commitment.
        commitment: As `portal.audit.chain.commitment` makes it.
        role: ``name`` or ``change``.
        kind, thing_id: Whose it is.
        salt: "" once it was erased.
        text: A name, or the canonical form of what was before and after; "" once it was erased.
        erased_at_ms: When it was erased, Unix milliseconds: ``at_ms`` of the entry that says so.
    """

    chain = models.BigIntegerField()
    commitment = models.CharField(max_length=64)
    role = models.CharField(max_length=8, choices=[(NAME, NAME), (CHANGE, CHANGE)])
    kind = models.CharField(max_length=16)
    thing_id = models.CharField(max_length=64, blank=True)
    salt = models.CharField(max_length=32, blank=True)
    text = models.TextField(blank=True)
    erased_at_ms = models.BigIntegerField(null=True)

    objects = DetailQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain", "commitment"], name="audit_detail_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["chain", "role", "kind", "thing_id", "id"], name="audit_detail_of")
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.kind} {self.thing_id}"


class Head(models.Model):
    """The last entry of a chain, signed.

    Attributes:
        chain: As `Entry.chain`.
        sequence, hash: Of the last entry.
        signature: As `portal.audit.signing.sign` makes it.
        key: Which key has signed (`portal.audit.signing.key_id`).
    """

    chain = models.BigIntegerField(primary_key=True)
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    signature = models.CharField(max_length=88)
    key = models.CharField(max_length=16)

    class Meta:
        ordering: ClassVar = ["chain"]

    def __str__(self) -> str:
        return f"{self.chain}/{self.sequence}"
