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
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from config.finding import ConfigError
from config.model import SECRET_REFERENCE
from drivers.bus_load import Demand
from drivers.printer.snmp.poll_groups import PERIODS
from protocols.errors import Unreachable
from protocols.presence import presence
from protocols.snmp.agent import (
    AUTHENTICATIONS,
    PORT,
    PRIVACIES,
    TRIES,
    Target,
    User,
    Version,
    line_key,
)
from protocols.timing import LineTiming

if TYPE_CHECKING:
    from drivers.device_url import DeviceUrl
    from drivers.driver import Driver, Surroundings, Writes
    from drivers.modbus.profile_store import Shelf
    from drivers.modbus.writing import Setting
    from protocols.serial_format import SerialFormat

TIMEOUT_S: Final = 2.0
_V3_ONLY: Final = ("auth", "auth_key", "priv", "priv_key")
_KNOWN: Final = frozenset({"version", "community", "timeout_s", *_V3_ONLY})


class PrinterMib:
    """The `drivers.driver.DriverKind` of ``snmp://``."""

    def check(self, url: DeviceUrl, shelf: Shelf) -> list[str]:
        """See `drivers.driver.DriverKind`; never repeats what may be a secret."""
        problems = [] if url.host else ["no host is named"]
        if url.port == 0:
            problems.append("port 0 is no port to ask")
        if url.path not in ("", "/"):
            problems.append(f"there is nothing at {url.path!r}; options stand after ?")
        if urlsplit(url.text).password is not None:
            problems.append("a password stands in the URL; write auth_key=secret:NAME after ?")
        problems += url.unknown(_KNOWN)
        _timeout_s(url, problems)
        version = url.query.get("version", Version.V2C)
        if version not in set(Version):
            problems.append(f"version={version} must be 1, 2c or 3")
        elif version == Version.V3:
            problems += _check_user(url)
        else:
            problems += _check_community(url)
        return problems

    def line(self, url: DeviceUrl) -> str:
        """See `drivers.driver.DriverKind`: each printer is a line of its own."""
        return line_key(url.host, url.port or PORT)

    def form(self, url: DeviceUrl) -> SerialFormat | None:
        """See `drivers.driver.DriverKind`."""
        return None

    def demand(self, url: DeviceUrl, shelf: Shelf) -> Demand:
        """See `drivers.driver.DriverKind`; it is alone on its line, and has no reads to plan."""
        patience_s = TRIES * _timeout_s(url, [])
        return Demand(form=None, timing=LineTiming(), reads={}, timeout_s=patience_s)

    def drain_s(self, url: DeviceUrl) -> float:
        """See `drivers.driver.DriverKind`: answers are numbered, a late one is thrown away."""
        return 0.0

    def groups(self, url: DeviceUrl, shelf: Shelf) -> Mapping[str, float | None]:
        """See `drivers.driver.DriverKind`."""
        return PERIODS

    def open(self, url: DeviceUrl, around: Surroundings) -> Driver:
        """See `drivers.driver.DriverKind`."""
        from drivers.printer.snmp.driver import PrinterDriver  # its tables, only where needed

        target = target_of(url)
        agent = around.lines.snmp(target, _reveal(target, around.secret))
        return PrinterDriver(agent, around.now, partial(presence, url.host))

    def writer(self, url: DeviceUrl, around: Surroundings) -> Writes:
        """See `drivers.driver.DriverKind`; nothing can be written."""
        return _ReadOnly()


class _ReadOnly:
    """The `drivers.driver.Writes` of a device that has no settings for us."""

    def setting(self, name: str) -> Setting:
        """See `drivers.driver.Writes`."""
        from drivers.modbus.writing import WriteError

        raise WriteError(
            "settings of printers are not written over SNMP", "Use the printer's own page or panel"
        )

    async def current(self, setting: Setting) -> Decimal:
        """See `drivers.driver.Writes`; there is no setting to ask for."""
        raise AssertionError(setting)

    async def write(self, setting: Setting, value: Decimal) -> Decimal:
        """See `drivers.driver.Writes`; there is no setting to write."""
        raise AssertionError(setting, value)


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


def _reveal(target: Target, secret: Callable[[str], str]) -> Callable[[str], str]:
    """What turns a reference into its secret; other texts stand for themselves."""

    def reveal(text: str) -> str:
        if not SECRET_REFERENCE.fullmatch(text):
            return text
        try:
            return secret(text)
        except ConfigError as error:
            finding = error.findings[0]
            step = finding.next or "Write it into the state folder's secrets"
            why = finding.why[:1].upper() + finding.why[1:]
            what = f"{finding.what}. {why}" if why else finding.what
            raise Unreachable(
                what, where=target.where, next_step=step[:1].upper() + step[1:]
            ) from error

    return reveal


# --- what the parts of a URL say ----------------------------------------------------------------


def _timeout_s(url: DeviceUrl, problems: list[str]) -> float:
    return url.number("timeout_s", TIMEOUT_S, least=0.05, most=30, problems=problems)


def _check_community(url: DeviceUrl) -> list[str]:
    problems = [
        f"{key} belongs to version=3, which the URL does not name"
        for key in _V3_ONLY
        if key in url.query
    ]
    if url.user and "community" in url.query:
        problems.append("the community is given twice: before @ and after ?")
    given = url.query.get("community", "")
    if given.startswith("secret:") and not SECRET_REFERENCE.fullmatch(given):
        problems.append(_no_reference("community"))
    return problems


def _check_user(url: DeviceUrl) -> list[str]:
    problems = [] if url.user else ["no user is named, as in snmp://USER@host/?version=3"]
    if "community" in url.query:
        problems.append("version=3 has no community; it has a user, before @")
    for name, known in (("auth", AUTHENTICATIONS), ("priv", PRIVACIES)):
        way, key = url.query.get(name), url.query.get(f"{name}_key")
        if way is not None and way not in known:
            problems.append(f"{name}={way} must be one of {', '.join(known)}")
        if (way is None) != (key is None):
            problems.append(f"{name} and {name}_key belong together")
        if key is not None and not SECRET_REFERENCE.fullmatch(key):
            problems.append(_no_reference(f"{name}_key"))
    if "priv" in url.query and "auth" not in url.query:
        problems.append("priv needs auth: what is encrypted must be authenticated, too")
    return problems


def _no_reference(key: str) -> str:
    return f"{key} holds no reference; write {key}=secret:NAME (kanmon secret set NAME)"
