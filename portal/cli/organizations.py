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
    texts = [file.read().strip() for file in (english, japanese)]
    for file, text in zip((english, japanese), texts, strict=True):
        if not text:
            raise Failure(NO_TEXT(file=file.name), next_step=WRITE_TEXT())
    with portal_ready():
        from portal.accounts.documents import publish
        from portal.accounts.models import DocumentKind

        made = publish(
            DocumentKind(kind), region=region.upper(), english=texts[0], japanese=texts[1]
        )
    say(
        {"kind": kind, "region": made.region, "version": made.version},
        tr("version {version} is published", version=made.version),
        as_json=as_json,
    )
