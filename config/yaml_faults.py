"""Finds where a fault of a YAML file began, when PyYAML has found that there is one. Pure.

PyYAML says where it could not go on. A quotation mark that is missing in line 3 is noticed in
line 9, or at the end of the file. This scanner reads the same text as a person would, by its lines:

::

    devices:                        settings at column 0; the value is open
      - name: main                  entries at column 2, settings at column 4
        url: "modbus-tcp://h/...    a quoted text that the next line cannot continue: the fault
        every_s: 5

It knows less than YAML and reads only what cannot be parsed; what it finds behind PyYAML's own
place is not used. It takes a quoted text as ended where the next line looks like a setting, which
YAML does not.
"""

from __future__ import annotations

from dataclasses import replace

from config.look_alike import (
    ascii_of,
    describe_character,
    is_dash,
    is_other_space,
    replacement,
    to_ascii,
)
from config.yaml_block import (
    DASH_WITHOUT_SPACE,
    NO_SPACE,
    SHOWN,
    BlockScanner,
    setting_fault,
    wide_colon_fault,
)
from config.yaml_text import Fault, FaultFoundError, YamlText
from console.templates import yaml as messages


def find_fault(text: str) -> Fault | None:
    """Where a fault began in a text that is not YAML; ``None`` where this scanner finds none."""
    try:
        BlockScanner(YamlText(text)).scan()
    except FaultFoundError as found:
        return found.fault
    return None


def root_fault(text: str, index: int) -> Fault | None:
    """What is wrong with a whole file that YAML takes as one text, which begins at ``index``."""
    found = wide_colon_fault(YamlText(text), index)
    return found.fault if found else None


def key_fault(key: str) -> tuple[int, Fault] | None:
    """What is wrong with the name of a setting that YAML accepts, and at which character of it.

    ``every_s：5``, ``－ name`` and, between brackets, ``every_s:5`` are names to YAML.
    """
    for index, character in enumerate(key):
        dash = not index and is_dash(character) and key[1:2].isspace()
        if is_other_space(character) or dash or ascii_of(character) in (":", "{", "["):
            return index, _of_character(character)
    if DASH_WITHOUT_SPACE.match(key):
        return 0, setting_fault(YamlText(key), 0, len(key)).fault
    return _of_setting(key) if NO_SPACE.fullmatch(key) else None


def value_fault(value: str, *, setting: bool = False) -> tuple[int, Fault] | None:
    """What is wrong with a value that its setting refuses, and at which character of it.

    Args:
        value: A text of a file.
        setting: Whether it should be a setting itself: ``every_s 5``.
    """
    typed = [(index, one) for index, one in enumerate(value) if not one.isascii()]
    if typed and all(ascii_of(one) or is_other_space(one) for _, one in typed):
        index, character = typed[0]
        fault, written = _of_character(character), to_ascii(value)
        separates = ascii_of(character) == ":" or is_other_space(character)
        # A password may stand before "@".
        if not (setting and separates) and len(written) <= SHOWN and "@" not in written:
            fault = replace(fault, next=replacement(written))
        return index, fault
    return _of_setting(value) if setting else None


def _of_character(character: str) -> Fault:
    what, step = describe_character(character)
    return Fault(line=1, column=1, what=what, next=step)


def _of_setting(text: str) -> tuple[int, Fault] | None:
    fault = setting_fault(YamlText(text), 0, len(text)).fault
    return None if fault.what.id == messages.SYNTAX.id else (fault.column - 1, fault)
