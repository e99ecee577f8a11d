"""Find a profile by its name and read it, with every fault at once.

::

    name --> <folder>/<name>.yaml --parse--> base below, defaults into each point --> `Profile`
             else packaged                         |                                     |
                                                   +-----------> Finding*, in file order-+

``python -m drivers.modbus.profile_loader`` prints the JSON Schema of `drivers.modbus.profile`,
which editors use and which ``docs/reference/profile.schema.json`` holds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.finding import Finding, SourceLocation, fold
from config.setting_faults import SettingFault, located
from config.yaml_source import Path as Setting
from config.yaml_source import Source, parse
from console.templates import profile as texts
from console.templates import system
from drivers.context import ProfileError
from drivers.modbus.profile import Profile
from drivers.modbus.profile_errors import choice, contradictions, finding_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from console.text import Message

__all__ = [
    "PACKAGED",
    "FolderProfiles",
    "Profile",
    "ProfileError",
    "load",
    "names",
    "read",
    "schema_text",
]

PACKAGED: Final = Path(__file__).parents[1] / "profiles"
"""The profiles that come with this software."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MEASURES: Final = frozenset({"scale", "resolution"})
"""What ``defaults`` hands only to points that have a quantity."""


@dataclass(frozen=True, slots=True)
class FolderProfiles:
    """A `drivers.context.ProfileStore` of files: those in ``folders`` before the packaged ones."""

    folders: tuple[Path, ...] = ()

    def profile(self, name: str) -> Profile:
        """See `load`."""
        return load(name, self.folders)


def load(name: str, folders: tuple[Path, ...] = ()) -> Profile:
    """The profile ``name``, from the first of ``folders`` that has it, else the packaged one.

    A file that has not changed is not read again.

    Raises:
        ProfileError: There is none, or it has faults.
    """
    path = _find(name, folders)
    base_path: Path | None = None
    text = _text(path)
    base = _base_name(text, path)
    if base is not None:
        if base == name:
            raise _unusable(path, texts.OWN_BASE(), texts.OTHER_BASE())
        base_path = _find(base, folders)
    return _cached(path, text, base_path, _text(base_path) if base_path else b"")


def names(folders: tuple[Path, ...] = ()) -> list[str]:
    """The names of all profiles, sorted: those in ``folders`` and the packaged ones."""
    return sorted({p.stem for folder in (*folders, PACKAGED) for p in folder.glob("*.yaml")})


def read(text: bytes, file: str, base: Source | None = None) -> Profile:
    """The profile in ``text``; raises `ProfileError`.

    Args:
        text: YAML, UTF-8.
        file: Its name, for the findings.
        base: The profile it changes, taken apart, where it names one.
    """
    source = parse(text, file)
    findings = list(source.findings)
    profile = None
    if source.data is not None:
        if isinstance(source.data, dict):
            profile = _validate(_layered(source, base), findings)
        else:
            findings.append(
                Finding(
                    what=texts.NOT_A_PROFILE(),
                    next=texts.START_WITH_VERSION(),
                    location=source.location(()),
                )
            )
    if findings or profile is None:
        raise ProfileError(fold(findings))
    return profile


def schema_text() -> str:
    """JSON Schema (draft 2020-12) of a profile, ending in a newline."""
    made = _validator().json_schema()
    # What a point has from `PointDefaults` is described there.
    described = made["$defs"]["PointDefaults"]["properties"]
    for name, setting in made["$defs"]["Point"]["properties"].items():
        setting.update({k: v for k, v in described.get(name, {}).items() if k == "description"})
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kanmon device profile",
        **{k: v for k, v in made.items() if k != "title"},
    }
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


@lru_cache(maxsize=64)
def _cached(path: Path, text: bytes, base_path: Path | None, base_text: bytes) -> Profile:
    if base_path is None:
        return read(text, str(path))
    base = parse(base_text, str(base_path))
    if isinstance(base.data, dict) and "base" in base.data:
        step = texts.USE_ITS_BASE(base=str(base.data["base"]))
        raise _unusable(base_path, texts.BASE_OF_BASE(), step)
    read(base_text, str(base_path))  # a base must stand alone: its faults are shown as its own
    return read(text, str(path), base)


def _find(name: str, folders: tuple[Path, ...]) -> Path:
    if _NAME.fullmatch(name):
        for folder in (*folders, PACKAGED):
            path = folder / f"{name}.yaml"
            if path.is_file():
                return path
    finding = Finding(what=texts.UNKNOWN(name=name), next=choice(name, names(folders)))
    raise ProfileError((finding,))


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        finding = Finding(
            what=texts.UNREADABLE(),
            why=system.reason(error),
            next=texts.MAKE_READABLE(),
            location=SourceLocation(file=str(path)),
        )
        raise ProfileError((finding,)) from error


def _unusable(path: Path, what: Message, step: Message) -> ProfileError:
    """The error that the file at ``path`` cannot be used with its base, or as one."""
    source = parse(_text(path), str(path))
    place = source.location(("base",), key=True)
    return ProfileError((Finding(what=what, next=step, path="base", location=place),))


@lru_cache(maxsize=64)
def _base_name(text: bytes, path: Path) -> str | None:
    data = parse(text, str(path)).data
    base = data.get("base") if isinstance(data, dict) else None
    return base if isinstance(base, str) else None


# --- layers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _LayeredProfile:
    """A document put together, and where each of its points is written."""

    document: dict[str, Any]
    points: tuple[tuple[Source, Setting], ...]
    source: Source

    def finding(self, fault: SettingFault) -> Finding:
        """The finding of a fault of the document, placed where that is written."""
        source, path = self.source, fault.path
        written = path
        if len(path) > 1 and path[0] == "points" and isinstance(path[1], int):
            source, start = self.points[path[1]]
            written = (*start, *path[2:])
        return located(replace(fault, path=written), source)


def _layered(source: Source, base: Source | None) -> _LayeredProfile:
    """The document with its base below it and its defaults in each of its points."""
    own, under = source.data, base.data if base else {}
    document = {**under, **own}
    for name in ("modbus", "groups", "silence"):
        lower, upper = under.get(name), own.get(name)
        if isinstance(lower, dict) and isinstance(upper, dict):
            document[name] = {**lower, **upper}
    points = _points(source)
    replaced = {_target(point) for point, _, _ in points}
    kept = _points(base) if base else []
    points = [entry for entry in kept if _target(entry[0]) not in replaced] + points
    if isinstance(document.get("points"), list):
        document["points"] = [point for point, _, _ in points]
    return _LayeredProfile(document, tuple((layer, at) for _, layer, at in points), source)


def _points(layer: Source) -> list[tuple[object, Source, Setting]]:
    """The points of one file, each with its file's defaults and its place."""
    given, defaults = layer.data.get("points"), layer.data.get("defaults")
    return [
        (_filled(point, defaults), layer, ("points", index))
        for index, point in enumerate(given if isinstance(given, list) else ())
    ]


def _target(point: object) -> object:
    """What a point is for, not yet validated: one of a base with the same target is replaced."""
    if not isinstance(point, dict):
        return None
    if "quantity" in point:
        return ("quantity", str(point["quantity"]), str(point.get("part", "")))
    if "states" in point:
        return ("states",)
    for name in ("identity", "bits", "values", "match"):
        if name in point:
            return (name, str(point[name]) if name == "identity" else str(point.get("at")))
    return None


def _filled(point: object, defaults: object) -> object:
    if not isinstance(point, dict) or not isinstance(defaults, dict):
        return point
    withheld = frozenset[str]() if "quantity" in point else _MEASURES
    if "identity" in point or "match" in point:
        withheld |= {"group"}  # who the device is has a group of its own
    kept = {key: value for key, value in defaults.items() if key not in withheld}
    return {**kept, **point}


@lru_cache(maxsize=1)
def _validator() -> TypeAdapter[Profile]:
    from pydantic import TypeAdapter  # 14 MB, for those who validate

    return TypeAdapter(Profile)


def _validate(layered: _LayeredProfile, findings: list[Finding]) -> Profile | None:
    from pydantic import ValidationError

    try:
        profile = _validator().validate_python(layered.document)
    except ValidationError as error:
        details = error.errors(include_url=False)
        findings += [layered.finding(finding_of(detail)) for detail in details]
        return None
    findings += [layered.finding(fault) for fault in contradictions(profile)]
    return profile


if __name__ == "__main__":
    print(schema_text(), end="")
