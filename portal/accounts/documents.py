"""The documents that people accept before they use the portal, and their versions.

The portal ships a first version of each; an operator publishes others with
``kanmon-portal document publish``. In Japan there are three documents, elsewhere two. A version
for a country takes the place of the one for every country.

Source: requirements E-3 and K-5.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from console.templates import audit
from portal.accounts.models import ConsentRecord, Document, DocumentKind, User
from portal.audit.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from portal.audit.acting import Actor

_TEXTS: Final = Path(__file__).parent / "texts"
JAPAN: Final = "JP"


def kinds_of(region: str) -> tuple[DocumentKind, ...]:
    """Which documents a person in this country (ISO 3166-1 alpha-2) accepts, in this order."""
    everywhere = (DocumentKind.TERMS, DocumentKind.PRIVACY)
    return (*everywhere, DocumentKind.DISCLAIMER) if region == JAPAN else everywhere


def current_documents(region: str) -> list[Document]:
    """The newest version of each document for a country; the shipped ones where none is stored."""
    return [_current(kind, region) for kind in kinds_of(region)]


def _current(kind: DocumentKind, region: str) -> Document:
    published = Document.objects.filter(kind=kind).order_by("-version")
    found = published.filter(region=region).first() if region else None
    return found or published.filter(region="").first() or _shipped(kind)


def _shipped(kind: DocumentKind) -> Document:
    texts = {
        field: (_TEXTS / f"{kind}.{language}.txt").read_text(encoding="utf-8").strip()
        for field, language in (("english", "en"), ("japanese", "ja"))
    }
    document, _ = Document.objects.get_or_create(kind=kind, region="", version=1, defaults=texts)
    return document


@transaction.atomic
def publish(kind: DocumentKind, *, region: str, english: str, japanese: str) -> Document:
    """Publish the next version of a document; people are asked for it at their next sign-in."""
    if not region:
        _current(kind, "")  # the shipped one is version 1, whether or not it was ever shown
    versions = Document.objects.filter(kind=kind, region=region)
    newest: int | None = versions.aggregate(newest=Max("version"))["newest"]
    return Document.objects.create(
        kind=kind,
        region=region,
        version=(newest or 0) + 1,
        english=english.strip(),
        japanese=japanese.strip(),
    )


def outstanding(user: User) -> list[Document]:
    """The current documents that a person has not accepted yet."""
    accepted = set(user.consents.values_list("document_id", flat=True))
    return [one for one in current_documents(user.region) if one.pk not in accepted]


@transaction.atomic
def accept(
    user: User,
    documents: Iterable[Document],
    *,
    language: str,
    at: datetime | None = None,
    actor: Actor | Literal["self"] = "self",
) -> None:
    """Record that a person accepted documents; one that was accepted before stays as it is.

    Args:
        user: The person.
        documents: What was accepted.
        language: In which the person read it.
        at: When; now where it is not said.
        actor: Who enters it; the person, unless an operator enters what was accepted in writing.
    """
    when = at or timezone.now()
    for document in documents:
        _, created = ConsentRecord.objects.get_or_create(
            user=user,
            document=document,
            defaults={"language": language, "accepted_at": when},
        )
        if created:
            record(
                audit.CONSENT,
                actor=user if actor == "self" else actor,
                organization=None,
                subject=("person", user.pk),
                after={
                    "document": str(document.kind),
                    "region": document.region,
                    "version": document.version,
                    "language": language,
                },
            )


def by_ids(ids: Sequence[int]) -> list[Document]:
    """The documents with these ids, in the order of their kinds."""
    order = list(DocumentKind)
    return sorted(
        Document.objects.filter(pk__in=ids), key=lambda one: order.index(DocumentKind(one.kind))
    )
