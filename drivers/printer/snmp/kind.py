"""Printers by SNMP.

::

    snmp://host[:161]/                                      v2c, community public
    snmp://community@host/[?version=1][&timeout_s=2]
    snmp://host/?community=secret:NAME                      where it is a secret
    snmp://user@host/?version=3&auth=sha256&auth_key=secret:NAME&priv=aes128&priv_key=secret:NAME

Keys are references to secrets, never values; they are read when a session is made, so that a new
secret needs no restart. ``timeout_s`` is what each of two tries waits. The library is imported when
the first printer is read: a configuration can be checked without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from config.finding import ConfigError, Finding
from config.model import SECRET_REFERENCE
from console.templates import device_url as texts
from console.templates import value as values
from drivers.bus_load import BusLoad
from drivers.device_url import not_a_choice
from drivers.printer.snmp.poll_groups import PERIODS
from protocols.errors import Unreachable
from protocols.presence import presence
from protocols.snmp.model import (
    AUTHENTICATIONS,
    PORT,
    PRIVACIES,
    TRIES,
    Target,
    User,
    Version,
    line_key,
)

if TYPE_CHECKING:
    from drivers.context import DriverContext, ProfileStore
    from drivers.device_url import DeviceUrl
    from drivers.driver import Driver
    from drivers.lines import Lines
    from protocols.snmp.model import Agent, SecretResolver

TIMEOUT_S: Final = 2.0
_V3_ONLY: Final = ("auth", "auth_key", "priv", "priv_key")
_KNOWN: Final = frozenset({"version", "community", "timeout_s", *_V3_ONLY})


class PrinterMib:
    """The `drivers.driver.DriverKind` of ``snmp://``."""

    schemes = ("snmp",)
    example = "snmp://192.0.2.7/?version=2c"

    def check(self, url: DeviceUrl, profiles: ProfileStore) -> list[Finding]:
        """See `drivers.driver.DriverKind`; never repeats what may be a secret."""
        step = texts.EXAMPLE(example="snmp://192.0.2.7")
        problems = [] if url.host else [Finding(what=texts.NO_HOST(), next=step)]
        if url.port == 0:
            problems.append(Finding(what=texts.INVALID_PORT(port=0), next=texts.PORT_RANGE()))
        if url.path not in ("", "/"):
            problems.append(Finding(what=texts.PATH(path=url.path), next=texts.OPTIONS_FOLLOW()))
        if urlsplit(url.text).password is not None:
            problems.append(Finding(what=texts.PASSWORD(), next=texts.REPLACE_PASSWORD()))
        problems += url.unknown(_KNOWN)
        _timeout_s(url, problems)
        version = url.query.get("version", Version.V2C)
        if version not in set(Version):
            problems.append(not_a_choice("version", version, Version))
        elif version == Version.V3:
            problems += _check_user(url)
        else:
            problems += _check_community(url)
        return problems

    def line_key(self, url: DeviceUrl) -> str:
        """See `drivers.driver.DriverKind`: each printer is a line of its own."""
        return line_key(url.host, url.port or PORT)

    def bus_load(self, url: DeviceUrl, profiles: ProfileStore) -> BusLoad:
        """See `drivers.driver.BusLoadKind`; how long its requests take is not known beforehand."""
        return BusLoad(timeout_s=TRIES * _timeout_s(url, []))

    def poll_groups(self, url: DeviceUrl, profiles: ProfileStore) -> Mapping[str, float | None]:
        """See `drivers.driver.DriverKind`."""
        return PERIODS

    def open(self, url: DeviceUrl, context: DriverContext) -> Driver:
        """See `drivers.driver.DriverKind`."""
        from drivers.printer.snmp.driver import PrinterDriver  # its tables, only where needed

        target = target_of(url)
        host = context.lines.get(self.line_key(url), lambda: _Host(context.lines))
        agent = host.agent(target, _secret_resolver(target, context.secret))
        return PrinterDriver(agent, context.now, partial(presence, url.host))


class _Host:
    """The agents at one address, one for each way to speak to it.

    A print server tells its printers apart by their communities.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._agents: dict[Target, Agent] = {}

    def agent(self, target: Target, resolve_secret: SecretResolver) -> Agent:
        """The agent of ``target``, shared by all who speak to it in the same way."""
        agent = self._agents.get(target)
        if agent is None:
            from protocols.snmp.agent import SnmpAgent  # only a gateway with a printer needs it

            made: Agent = SnmpAgent(target, resolve_secret)
            agent = self._agents[target] = self._lines.wrap(made)
        return agent

    def close(self) -> None:
        """See `drivers.lines.Resource`."""
        agents, self._agents = self._agents, {}
        for agent in agents.values():
            agent.close()


def target_of(url: DeviceUrl) -> Target:
    """The agent that a URL names; its keys are still references."""
    version = Version(url.query.get("version", Version.V2C))
    user = None
    if version is Version.V3:
        user = User(
            name=url.user,
            authentication=url.query.get("auth", ""),
            authentication_key=url.query.get("auth_key", ""),
            privacy=url.query.get("priv", ""),
            privacy_key=url.query.get("priv_key", ""),
        )
    return Target(
        host=url.host,
        port=url.port or PORT,
        version=version,
        community=url.query.get("community") or url.user or "public",
        user=user,
        timeout_s=_timeout_s(url, []),
    )


def _secret_resolver(target: Target, secret: Callable[[str], str]) -> SecretResolver:
    """Returns the secret behind a reference; another text is returned as it is."""

    def resolve(text: str) -> str:
        if not SECRET_REFERENCE.fullmatch(text):
            return text
        try:
            return secret(text)
        except ConfigError as error:
            finding = error.findings[0]
            raise Unreachable(
                finding.what, where=target.where, why=finding.why, next_step=finding.next
            ) from error

    return resolve


# --- what the parts of a URL say ----------------------------------------------------------------


def _timeout_s(url: DeviceUrl, problems: list[Finding]) -> float:
    return url.number("timeout_s", TIMEOUT_S, least=0.05, most=30, problems=problems)


def _check_community(url: DeviceUrl) -> list[Finding]:
    problems = [
        Finding(what=texts.NEEDS_V3(name=key), next=texts.ADD_V3(name=key))
        for key in _V3_ONLY
        if key in url.query
    ]
    if url.user and "community" in url.query:
        problems.append(Finding(what=texts.COMMUNITY_TWICE(), next=values.REMOVE_ONE()))
    given = url.query.get("community", "")
    if given.startswith("secret:") and not SECRET_REFERENCE.fullmatch(given):
        problems.append(_no_reference("community"))
    return problems


def _check_user(url: DeviceUrl) -> list[Finding]:
    problems = []
    if not url.user:
        step = texts.EXAMPLE(example="snmp://USER@host/?version=3")
        problems.append(Finding(what=texts.NO_USER(), next=step))
    if "community" in url.query:
        problems.append(Finding(what=texts.V3_COMMUNITY(), next=texts.V3_USER()))
    for name, known in (("auth", AUTHENTICATIONS), ("priv", PRIVACIES)):
        way, key = url.query.get(name), url.query.get(f"{name}_key")
        if way is not None and way not in known:
            problems.append(not_a_choice(name, way, known))
        if (way is None) != (key is None):
            what = texts.INCOMPLETE_PAIR(first=name, second=f"{name}_key")
            problems.append(Finding(what=what, next=texts.GIVE_BOTH()))
        if key is not None and not SECRET_REFERENCE.fullmatch(key):
            problems.append(_no_reference(f"{name}_key"))
    if "priv" in url.query and "auth" not in url.query:
        problems.append(
            Finding(
                what=texts.PRIV_WITHOUT_AUTH(),
                why=texts.AUTHENTICATED_ONLY(),
                next=texts.ADD_AUTH(),
            )
        )
    return problems


def _no_reference(key: str) -> Finding:
    return Finding(what=texts.NO_REFERENCE(name=key), next=texts.STORE_SECRET(name=key))
