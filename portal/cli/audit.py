"""``kanmon-portal audit``: the audit log verified, exported, and names in it erased."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from console.failure import FAILED, Failure
from console.language import current, plural, sentence, tr
from console.output import columns
from console.text import Template
from console.usage import WrongUsage
from portal.cli.common import TextType, json_option, portal_ready, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portal.audit.anchors import SignedHead
    from portal.audit.verification import Verification

NO_SUCH_ORGANIZATION: Final = Template(
    "portal.no_such_organization", "the organization '{name}' does not exist"
)
CORRECT_NAME: Final = Template(
    "portal.correct_name", "correct the name, as the page of an agent key or a site shows it"
)
WHICH_CHAIN: Final = Template("portal.which_chain", "it is not clear which log is meant")
NAME_CHAIN: Final = Template("portal.name_chain", "use either --organization NAME or --portal")
NO_HEADS: Final = Template("portal.no_heads", "the file contains no head of a chain")
GIVE_HEADS: Final = Template(
    "portal.give_heads",
    "give a file that `kanmon-portal audit export` wrote, or a log with audit_head lines",
)
NOTHING_LOST: Final = Template(
    "portal.nothing_lost", "no entries are missing at the end of the log"
)
SEE_FINDINGS: Final = Template(
    "portal.see_findings", "run `kanmon-portal audit verify` to see what it finds"
)
UNKNOWN_PERSON: Final = Template(
    "portal.unknown_person", "no user has the email address or the id '{person}'"
)
GIVE_PERSON: Final = Template(
    "portal.give_person",
    "correct it; of a deleted user, give the id, which an export shows as actor_id",
)
_LOGGED: Final = re.compile(r'(\w+)="?([^"\s]+)"?')


@click.group()
def audit() -> None:
    """Manage the audit log.

    Each organization has a log of its own, and the portal has one. Entries are only added; each
    holds the hash of the one before it.
    """


def _chain(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name a chain."""
    portal = click.option("--portal", "portal", is_flag=True, help="The log of the portal itself.")
    named = click.option(
        "--organization", type=TextType(200), default="", help="The log of this organization."
    )
    return named(portal(command))


def _number(organization: str, *, portal: bool) -> int | None:
    """The number of the chain that is named; ``None`` where none is."""
    from portal.accounts.models import Organization
    from portal.audit.chain import PORTAL_CHAIN

    if organization and portal:
        raise WrongUsage(WHICH_CHAIN(), next_step=NAME_CHAIN())
    if portal:
        return PORTAL_CHAIN
    if not organization:
        return None
    found = Organization.objects.filter(name=organization).first()
    if found is None:
        raise Failure(NO_SUCH_ORGANIZATION(name=organization), next_step=CORRECT_NAME())
    return found.pk


def _required(organization: str, *, portal: bool) -> int:
    number = _number(organization, portal=portal)
    if number is None:
        raise WrongUsage(WHICH_CHAIN(), next_step=NAME_CHAIN())
    return number


@audit.command()
@_chain
@click.option(
    "--heads",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A file with heads kept elsewhere: an export, or a log; may be repeated.",
)
@json_option
def verify(*, organization: str, portal: bool, heads: tuple[Path, ...], as_json: bool) -> None:
    """Check that the audit log is whole.

    Finds every entry that was changed, removed, moved or added, and every stored name and change
    that differs from its entry. Without options, all logs are verified. The exit code is 0 when all
    are whole, and 2 when there are findings.
    """
    with portal_ready():
        from portal.audit import anchors, signing, verification

        kept = [head for path in heads for head in _heads_in(path)]
        number = _number(organization, portal=portal)
        numbers = verification.chains(kept) if number is None else [number]
        found = [verification.verify(one, kept) for one in numbers]
        triggers = verification.missing_triggers()
        names = _names(numbers)
        for one in found:
            if one.head and not one.findings:
                anchors.keep(one.head)
        key = signing.public_key()
    lines = columns([(names[one.chain], _entries(one), _state(one)) for one in found], first_left=3)
    findings = list(_findings(found, names, triggers))
    say(
        {
            "whole": not findings,
            "public_key": key,
            "missing_triggers": triggers,
            "chains": [_verified(one, names) for one in found],
        },
        *(lines or [tr("There are no entries yet.")]),
        *(["", *findings] if findings else []),
        as_json=as_json,
    )
    if findings:
        sys.exit(FAILED)


def _heads_in(path: Path) -> Iterator[SignedHead]:
    """The heads in a file: in lines of JSON, and in ``audit_head`` lines of a log."""
    from portal.audit.anchors import SignedHead, head_of

    found = False
    for line in path.read_text("utf-8", "replace").splitlines():
        if line.startswith('{"head":'):
            head = head_of(_json(line).get("head"))
        elif "audit_head " in line:
            said = dict[str, str](_LOGGED.findall(line.partition("audit_head ")[2]))
            head = head_of(
                {name: int(one) if one.isdecimal() else one for name, one in said.items()}
            )
        else:
            continue
        if isinstance(head, SignedHead):
            found = True
            yield head
    if not found:
        raise Failure(NO_HEADS(), where=str(path), next_step=GIVE_HEADS())


def _json(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _names(numbers: list[int]) -> dict[int, str]:
    """What each chain is called; an organization that is gone by its id."""
    from portal.accounts.models import Organization
    from portal.audit.chain import PORTAL_CHAIN

    names = {one.pk: str(one) for one in Organization.objects.filter(pk__in=numbers)} | {
        PORTAL_CHAIN: tr("the portal itself")
    }
    return {one: names.get(one, tr("organization {id}", id=one)) for one in numbers}


def _entries(one: Verification) -> str:
    return plural("{n} entry", "{n} entries", one.entries)


def _state(one: Verification) -> str:
    n = len(one.findings)
    return plural("{n} finding", "{n} findings", n) if n else tr("whole")


def _findings(
    found: list[Verification], names: dict[int, str], triggers: list[str]
) -> Iterator[str]:
    from portal.audit.findings import TRIGGERS

    for one in found:
        for finding in one.findings:
            yield f"{names[one.chain]}: {sentence(finding.what, current())}"
    for name in triggers:
        yield sentence(TRIGGERS(name=name), current())


def _verified(one: Verification, names: dict[int, str]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "chain": one.chain,
        "name": names[one.chain],
        "entries": one.entries,
        "head": asdict(one.head) if one.head else None,
        "findings": [
            {"entry": each.sequence, "code": each.what.id, "text": str(each.what)}
            for each in one.findings
        ],
    }


@audit.command()
@_chain
@click.option(
    "--out",
    type=click.File("w", encoding="utf-8", lazy=True),
    default="-",
    help="The file to write. Default: standard output.",
)
def export(*, organization: str, portal: bool, out: Any) -> None:
    """Write a log as JSON lines.

    Each line is an entry with its details; the last one is the signed head of the log. Keep it
    somewhere else: `kanmon-portal audit verify --heads FILE` compares the log with it.
    """
    with portal_ready():
        from console.templates.audit import EXPORT
        from portal.audit.export import json_lines
        from portal.audit.models import Entry
        from portal.audit.record import record

        number = _required(organization, portal=portal)
        owner = number or None
        record(EXPORT, actor=None, organization=owner, subject=("log", ""))
        for line in json_lines(Entry.objects.filter(chain=number), number):
            out.write(line)


@audit.command()
@click.argument("person", type=TextType(254))
@json_option
def erase(*, person: str, as_json: bool) -> None:
    """Remove a person's names from all logs.

    PERSON is the email address of a user, or the id, also of a deleted user. Names and changes of
    the person's own data are erased; entries stay, with ids only. Cannot be undone.
    """
    with portal_ready():
        from portal.accounts.models import User
        from portal.audit.erasure import erase_names

        user = User.objects.filter(email=person.lower()).first()
        if user is None and not person.isdecimal():
            raise Failure(UNKNOWN_PERSON(person=person), next_step=GIVE_PERSON())
        erased = erase_names(("person", user.pk if user else person), actor=None)
    say(
        {"erased": erased},
        plural("{n} text was erased.", "{n} texts were erased.", erased),
        as_json=as_json,
    )


@audit.command("accept-loss")
@_chain
@json_option
def accept_loss(*, organization: str, portal: bool, as_json: bool) -> None:
    """Accept the loss of a log's last entries.

    Use it after an older backup of the database was restored. The log itself says what is missing.
    """
    with portal_ready():
        from portal.audit.loss import accept_loss as accept

        number = _required(organization, portal=portal)
        entry = accept(number, actor=None)
        if entry is None:
            raise Failure(NOTHING_LOST(), next_step=SEE_FINDINGS())
    say(
        {"chain": number, "entry": entry.sequence},
        tr("Entry {n} of the log says what is missing.", n=entry.sequence),
        as_json=as_json,
    )
