"""Every text that `kanmon` and `kanmon-portal` show, found in the sources and the click trees.

``python -m tests.console.texts`` brings the catalogues up to date: new texts are added with an
empty translation, those that are no longer in the sources are removed.

There are two kinds, with a catalogue each (`console.language`):

* texts that a command line looks up: helps of the click trees, ``tr``, ``plural``, ``tr_noop``,
  ``plural_noop``, and click's own texts;
* messages: every other literal of two words or more in the packages below, however it becomes part
  of a finding or an error. `EXCLUDED` lists the modules whose texts no user sees there.
"""

from __future__ import annotations

import ast
import errno
import importlib
import os
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

import click

from console import catalogue, localized
from console.catalogue import LOCALES

ROOT: Final = Path(__file__).parents[2]
PORTAL: Final = (
    "portal/accounts/actions.py",
    "portal/authority/actions.py",
    "portal/authority/claim_certificate.py",
    "portal/authority/errors.py",
    "portal/authority/expiry.py",
    "portal/authority/files.py",
    "portal/authority/keys.py",
    "portal/authority/roots.py",
    "portal/authority/server_identity.py",
    "portal/broker/folder.py",
    "portal/broker/inspection.py",
    "portal/broker/reloading.py",
    "portal/environment/checks.py",
    "portal/environment/database_url.py",
    "portal/environment/state_folder.py",
    "portal/fleet/provisioning.py",
    "portal/readiness.py",
)
"""The portal's modules whose texts its commands show; pages have a catalogue of their own."""
RAISED_ONLY: Final = (
    "portal/broker/configuration.py",
    "portal/fleet/actions.py",
    "portal/fleet/models.py",
)
"""Modules of which only raised texts are shown: their other texts no user reads."""
PACKAGES: Final = ("config", "gateway", "drivers", "protocols", "provisioning", "cloud_link")
EXCLUDED: Final = {
    "cloud_link/columns.py": "the wire's faults go to the log and the quarantine",
    "cloud_link/mqtt/loop.py": "the library's own words",
    "cloud_link/spool/spool.py": "SQL, and a programmer's mistakes",
    "cloud_link/spool/records.py": "SQL",
    "cloud_link/spool/losses.py": "SQL",
    "cloud_link/spool/recovery.py": "SQL",
    "cloud_link/spool/schema.py": "SQL",
    "cloud_link/topics.py": "a portal's log",
    "cloud_link/wire.py": "the wire's faults go to the log and the quarantine",
    "config/schema.py": "the schema's title",
    "drivers/registry.py": "a programmer's mistakes",
    "drivers/report_json.py": "for programs that write reports",
    "drivers/report_schema.py": "the schema's words",
    "drivers/printer/alerts.py": "evidence, as the agent says it",
    "drivers/printer/identity.py": "expressions that find makers' names",
    "drivers/printer/subunits.py": "evidence, as the agent says it",
    "drivers/printer/supplies.py": "expressions that find supplies' names, and evidence",
    "drivers/printer/severity/alert_codes.py": "a word where the standard has none, never shown",
    "drivers/printer/severity/pjl.py": "what a number means, for who reads the table",
    "protocols/snmp/ber.py": "a simulated agent, which leaves what it cannot read unanswered",
    "protocols/snmp/replay.py": "tests, and who writes profiles",
    "protocols/snmp/snmprec.py": "tests, and who writes profiles",
    "gateway/daemon.py": "the log, which is English",
    "gateway/cli/part_words.py": "drivers' names of parts, beside what is said of them",
    "gateway/fakes.py": "tests",
    "gateway/intake/intake.py": "the log, which is English",
    "gateway/logs.py": "the log, which is English",
    "gateway/metrics/exposition.py": "a programmer's mistakes",
    "gateway/metrics/server.py": "what an HTTP client reads",
    "gateway/metrics/table.py": "what Prometheus reads",
    "gateway/control/explain_schema.py": "the schema's words",
    "protocols/modbus/capture.py": "for who writes profiles, in scripts/capture and tests",
    "protocols/modbus/replay.py": "tests",
    "provisioning/codes.py": "holds both languages itself",
}
"""Modules whose texts are not shown, and why."""
NOT_TOLD: Final = {
    "{0} bit {1} {2} -> {3}": "evidence, as the agent says it",
    "Mapping[str, Any]": "a type",
    "Kanmon device profile": "a schema's title",
    "kanmon-portal authority init --anew": "a command",
    "kanmon-portal authority issue-publisher {0} --out FOLDER": "a command",
    "kanmon-portal authority issue-server HOST --out FOLDER": "a command",
    "kanmon-portal authority issue-worker {0} --out FOLDER": "a command",
    "kanmon-portal broker reload FOLDER": "a command",
    "kanmon-portal claims": "a command",
    "kanmon-portal key issue --organization ORGANIZATION --site SITE": "a command",
    "BEGIN IMMEDIATE": "SQL",
}
_PROGRAMMERS: Final = {"AssertionError", "NotImplementedError", "RuntimeError", "TypeError"}
_SENTENCE: Final = re.compile(r"[A-Za-z]{2,}'?[,:;]? [A-Za-z]{2}|\} [a-z]{2,} [a-z{]|[a-z] \{0\}$")
_SQL: Final = re.compile(r"^(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|BEGIN|COMMIT|ROLLBACK) ")
_FIELD: Final = re.compile(r"\{(\w+)(?:![rs])?(?::[^{}]*)?\}")
_LOOKUPS: Final = {"tr": 1, "tr_noop": 1, "plural": 2, "plural_noop": 2}
_CLICK_PROGRAMMERS: Final = (
    "(dynamic)",
    "Arguments take",
    "Boolean option",
    "Choice(",
    "Confirm the action",
    "Could not determine",
    "DeprecationWarning",
    "Invalid start",
    "Name '",
    "No options defined",
    "Press any key",
    "Takes ",
    "Unknown color",
    "Value must be",
    "deprecated",
    "{len_type}",
    "{value!r} does not match",
    "{value!r} is not a valid UUID",
)
"""Beginnings of click's texts that only programmers see, or that our commands cannot show."""
_CLICK: Final = ("core", "exceptions", "decorators", "formatting", "termui", "types", "parser")


def interface_texts() -> dict[str, str]:
    """The texts that the command lines look up, as keys of the catalogue, with their files."""
    found: dict[str, str] = {}
    for path in command_lines():
        for key in _lookups_in(ast.parse(path.read_text("utf-8"))):
            found.setdefault(key, str(path.relative_to(ROOT)))
    for name, root in programs().items():
        for key in _helps(root):
            found.setdefault(key, f"the help of {name}")
    for key in _of_click():
        found.setdefault(key, "click")
    return found


def programs() -> dict[str, click.Command]:
    """The root commands of both programs, by name."""
    return {
        "kanmon": importlib.import_module("gateway.cli.main").kanmon,
        "kanmon-portal": importlib.import_module("portal.cli.main").commands,
    }


def walk(root: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command and group below ``root``, by its full name."""
    here = (*path, root.name or "")
    yield " ".join(here), root
    if isinstance(root, click.Group):
        context = click.Context(root)
        for name in root.list_commands(context):
            found = root.get_command(context, name)
            assert found is not None
            yield from walk(found, here)


def command_lines() -> list[Path]:
    """The modules of the command lines."""
    folders = (ROOT / "gateway" / "cli", ROOT / "console")
    found = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return [*found, *(ROOT / name for name in _PORTAL_COMMANDS)]


_CONSOLE: Final = ("console/completion.py", "console/program.py")
"""The shared modules that make errors of their own."""
_PORTAL_COMMANDS: Final = (
    "portal/cli/authority.py",
    "portal/cli/broker.py",
    "portal/cli/common.py",
    "portal/cli/gateways.py",
    "portal/cli/ingest.py",
    "portal/cli/keys.py",
    "portal/cli/main.py",
    "portal/cli/migrate.py",
    "portal/cli/serve.py",
    "portal/cli/users.py",
)


def _lookups_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            number = _LOOKUPS.get(node.func.id, 0)
            choices = [_choices(argument) for argument in node.args[:number]]
            if number and all(choices):
                yield from ("\x00".join(texts) for texts in product(*choices))


def _choices(node: ast.expr) -> list[str]:
    """The texts of a literal or a conditional of two; [] for anything else."""
    if isinstance(node, ast.IfExp):
        return [*_choices(node.body), *_choices(node.orelse)]
    return [str(node.value)] if isinstance(node, ast.Constant) else []


def _helps(root: click.Command) -> Iterator[str]:
    for _, command in walk(root):
        yield localized.help_text(command)
        yield from filter(None, (command.short_help, command.epilog))
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.help:
                yield parameter.help


def _of_click() -> Iterator[str]:
    """The texts of the installed version of click."""
    folder = Path(click.__file__).parent
    for name in _CLICK:
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                shown = texts and not str(texts[0]).startswith(_CLICK_PROGRAMMERS)
                if node.func.id in {"_", "ngettext"} and shown:
                    yield "\x00".join(str(text) for text in texts)


def messages() -> dict[str, str]:
    """The texts of the lower packages, as patterns with numbered fields, with their files."""
    found = {os.strerror(number).lower(): "the system" for number in _SYSTEM}
    paths: dict[str, Path] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name not in EXCLUDED:
                paths[name] = path
    paths |= {name: ROOT / name for name in (*PORTAL, *_PORTAL_COMMANDS, *_CONSOLE)}
    for name, path in paths.items():
        for text in _messages_in(path):
            found.setdefault(text, name)
    for name in RAISED_ONLY:
        for text in _raised_in(ROOT / name):
            found.setdefault(text, name)
    return {text: where for text, where in found.items() if text not in NOT_TOLD}


def _raised_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            said = [one for one in ast.walk(node.exc) if isinstance(one, ast.JoinedStr)]
            yield from (text for text in map(pattern, said) if text and _SENTENCE.search(text))


_SYSTEM: Final = (
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.ENOSPC,
    errno.EROFS,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ELOOP,
    errno.EIO,
    errno.ENAMETOOLONG,
    errno.EBADF,
    errno.EEXIST,
    errno.EADDRINUSE,
    errno.EADDRNOTAVAIL,
)


def _messages_in(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    passed = _passed_over(tree)
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        text = pattern(node)
        if text and _SENTENCE.search(text) and not _SQL.match(text.strip()):
            yield text


def _passed_over(tree: ast.AST) -> set[int]:
    """Nodes that are not texts of their own: docstrings, parts of others, logs, look-ups."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        inner: list[ast.AST] = []
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inner = [node.value]
        elif isinstance(node, ast.JoinedStr):
            inner = [part for part in node.values if isinstance(part, ast.Constant)]
            inner += [n for part in node.values for n in ast.walk(part) if n is not part][:0]
        elif isinstance(node, ast.Call) and _quiet(node.func):
            inner = [n for child in ast.iter_child_nodes(node) for n in ast.walk(child)]
        elif isinstance(node, ast.AnnAssign | ast.FunctionDef | ast.AsyncFunctionDef):
            notes = node.annotation if isinstance(node, ast.AnnAssign) else node.returns
            inner = list(ast.walk(notes)) if notes is not None else []
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            inner = list(ast.walk(node.format_spec))
        passed.update(id(n) for n in inner)
    return passed


def _quiet(function: ast.expr) -> bool:
    """Whether a call's arguments are not shown: logs, click's decorators, programmers' errors."""
    if isinstance(function, ast.Attribute):
        owner = ast.unparse(function.value)
        return owner.split(".")[-1].lstrip("_") in {"log", "LOG", "logger"} or owner == "click"
    name = getattr(function, "id", "")
    return name in _LOOKUPS or name in _PROGRAMMERS


def called(function: ast.expr) -> str:
    """The last part of a called function's name."""
    return str(getattr(function, "attr", None) or getattr(function, "id", ""))


def pattern(node: ast.AST) -> str | None:
    """A literal as a pattern with numbered fields; ``None`` for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        numbers = iter(range(100))
        return _FIELD.sub(lambda _: f"{{{next(numbers)}}}", node.value)
    if isinstance(node, ast.JoinedStr):
        text, number = "", 0
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
            else:
                text += f"{{{number}}}"
                number += 1
        return text
    return None


def catalogue_of(domain: str) -> dict[str, catalogue.Entry]:
    """The Japanese catalogue ``domain``, its header left out."""
    po = LOCALES / "ja" / "LC_MESSAGES" / f"{domain}.po"
    entries = catalogue.parse(po.read_text("utf-8")) if po.exists() else []
    return {entry.key: entry for entry in entries if entry.key}


def write_catalogues() -> int:
    """Update both catalogues from the sources; returns how many texts lack a translation.

    A text that is new is added with an empty translation; one that nobody says is taken out.
    """
    empty = 0
    for domain, found in (("kanmon", interface_texts()), ("messages", messages())):
        known = catalogue_of(domain)
        lines = [_HEADS[domain]]
        for key, where in sorted(found.items(), key=lambda item: (item[1], item[0])):
            said = known[key].translations if key in known else [""]
            empty += not all(said)
            one, _, many = key.partition("\x00")
            lines += [f"#: {where}", f"msgid {_quoted(one)}"]
            if many:
                lines += [f"msgid_plural {_quoted(many)}", f"msgstr[0] {_quoted(said[0])}", ""]
            else:
                lines += [f"msgstr {_quoted(said[0])}", ""]
        po = LOCALES / "ja" / "LC_MESSAGES" / f"{domain}.po"
        po.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return empty


_FORM: Final = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Language: ja\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"""
_HEADS: Final = {
    "kanmon": f"# What the command lines say, in Japanese. See console/language.py.\n{_FORM}",
    "messages": f"# Messages of lower packages, as patterns. See console/patterns.py.\n{_FORM}",
}


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(character, character) for character in text) + '"'


if __name__ == "__main__":
    print(f"{write_catalogues()} texts to translate: look for empty ones in {LOCALES}")
