"""``kanmon-portal organization`` and ``document``: recovery by operators, consent documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from console.failure import Failure
from console.language import tr
from console.text import Template
from portal.cli.common import TextType, json_option, portal_ready, say

if TYPE_CHECKING:
    from io import TextIOWrapper

NO_COUNTRY: Final = Template("document.no_country", "'{region}' is not the code of a country")
TWO_LETTERS: Final = Template(
    "document.two_letters", "write two letters of ISO 3166-1, such as JP, or omit --region"
)
NOT_UTF_8: Final = Template("document.not_utf_8", "the file {file} is not encoded in UTF-8")
NO_TEXT: Final = Template("document.no_text", "the file {file} is empty")
WRITE_TEXT: Final = Template(
    "document.write_text", "write the document as UTF-8 text, with empty lines between paragraphs"
)


@click.group()
def organization() -> None:
    """Manage organizations."""


@organization.command("administrator")
@click.argument("email", type=TextType(254))
@click.option(
    "--organization", "name", type=TextType(200), required=True, help="The organization's name."
)
@json_option
def organization_administrator(email: str, *, name: str, as_json: bool) -> None:
    """Add an administrator to an organization.

    For an organization whose last administrator is gone. The user with EMAIL needs an account, and
    becomes a member where needed. Every administrator is told by mail, and the audit log records
    who ran the command.
    """
    with portal_ready():
        from portal.accounts.actions import organization_named
        from portal.accounts.membership import recover

        made = recover(email, organization_named(name))
    say(
        {"user": made.user_id, "organization": made.organization_id},
        tr("{email} is an administrator of {organization}", email=email, organization=name),
        as_json=as_json,
    )


@click.group()
def document() -> None:
    """Manage the documents that users accept."""


@document.command("publish")
@click.argument("kind", type=click.Choice(["terms", "privacy", "disclaimer"]))
@click.option(
    "--english", type=click.File(encoding="utf-8"), required=True, help="The text in English."
)
@click.option(
    "--japanese", type=click.File(encoding="utf-8"), required=True, help="The text in Japanese."
)
@click.option(
    "--region",
    type=TextType(2),
    default="",
    help="Only for users in this country (two letters, such as JP).",
)
@json_option
def document_publish(
    kind: str,
    *,
    english: TextIOWrapper,
    japanese: TextIOWrapper,
    region: str,
    as_json: bool,
) -> None:
    """Publish a new version of a document.

    Users are asked to accept it at their next sign-in. A published version is never changed.
    """
    texts = [_text(file) for file in (english, japanese)]
    with portal_ready():
        from portal.accounts.countries import countries
        from portal.accounts.documents import publish
        from portal.accounts.models import DocumentKind

        country = region.upper()
        if country and country not in countries("en"):
            raise Failure(NO_COUNTRY(region=region), next_step=TWO_LETTERS())
        made = publish(DocumentKind(kind), region=country, english=texts[0], japanese=texts[1])
    say(
        {"kind": kind, "region": made.region, "version": made.version},
        tr("version {version} is published", version=made.version),
        as_json=as_json,
    )


def _text(file: TextIOWrapper) -> str:
    try:
        text = file.read().strip()
    except UnicodeDecodeError as error:
        raise Failure(NOT_UTF_8(file=file.name), next_step=WRITE_TEXT()) from error
    if not text:
        raise Failure(NO_TEXT(file=file.name), next_step=WRITE_TEXT())
    return text
