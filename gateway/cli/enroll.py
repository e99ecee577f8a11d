"""``kanmon enroll``: enrol this box in a portal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from console.language import sentence, tr
from gateway.cli import words
from gateway.cli.common import DONE, Session, command, json_option, say, say_json
from gateway.install.privileges import UnreadableProgramError, UntrustedPathError, run_as_owner
from gateway.version import software
from provisioning.agent_key import AgentKey, parse
from provisioning.claim import STATEMENT
from provisioning.codes import Code, CodedError
from provisioning.enrolment_store import storage_error


@click.command()
@click.argument("key", nargs=-1, required=True, metavar="KEY")
@click.option(
    "--consent",
    is_flag=True,
    help="Agree, without being asked, that the box sends its data to the portal.",
)
@json_option
@click.pass_obj
@command
def enroll(session: Session, key: tuple[str, ...], *, consent: bool, as_json: bool) -> int:
    """Enrol this box in a portal.

    KEY is the agent key as the portal shows it: K1-...@portal.example.com. Blanks between its
    groups are ignored. With - as KEY, the key is read from standard input, so that it does not
    appear in the machine's process list. The command may be repeated: the same box always receives
    the same identity.
    """
    # Loads cryptography; and all of it before root's rights are given up.
    from provisioning.box_key import rehearse
    from provisioning.enrol import EnrolRequest, enrol, inventory

    parsed = parse(_given(key))
    agreed = consent or (not as_json and _agreed(parsed))
    if not agreed:
        raise CodedError(Code.NO_CONSENT)
    request = EnrolRequest(
        state=session.state, key=parsed, consent=agreed, inventory=inventory(software())
    )
    rehearse()
    with _owners_rights(session.state):
        enrolment = enrol(request)
    if as_json:
        say_json(
            {
                "box": enrolment.box,
                "gateway": enrolment.gateway,
                "site": enrolment.site,
                "organization": enrolment.organization,
                "broker": enrolment.broker,
                "expires_at": enrolment.expires_at,
            }
        )
    else:
        place = {"site": enrolment.site, "organization": enrolment.organization}
        say(tr(words.ENROLLED, box=enrolment.box, gateway=enrolment.gateway, **place))
        say(tr(words.ENROLLED_UNTIL, day=enrolment.expires_at[:10]))
    return DONE


@contextmanager
def _owners_rights(state: Path) -> Iterator[None]:
    """Call `run_as_owner`, and turn its failures into codes."""
    try:
        with run_as_owner(state):
            yield
    except UntrustedPathError as error:
        raise CodedError(Code.UNTRUSTED_PATH, where=error.where, why=error.why) from error
    except UnreadableProgramError:
        raise  # of the program, not of the state folder
    except OSError as error:
        raise storage_error(error, state) from error


def _given(key: tuple[str, ...]) -> str:
    if key == ("-",):
        return sys.stdin.readline(4096)
    return " ".join(key)


def _agreed(key: AgentKey) -> bool:
    """Ask for consent; without a terminal there is none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    say(sentence(STATEMENT))
    return click.confirm(tr(words.CONSENT, address=key.address))
