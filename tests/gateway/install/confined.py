"""Run a command under the system call filter of a unit file: ``confined.py UNIT COMMAND...``.

What systemd would load is built here by the library it uses itself (libseccomp), from the unit's
``SystemCallFilter=`` and ``RestrictAddressFamilies=`` and the sets that `systemd-analyze` knows.

Source: systemd.exec(5), "System Call Filtering"; seccomp_rule_add(3); PR_SET_MDWE in prctl(2).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

ALLOW: Final = 0x7FFF0000
ERRNO: Final = 0x00050000
EPERM: Final = 1
EQUAL: Final = 4
NO_NEW_PRIVS: Final = 38
SET_MDWE: Final = 65
REFUSE_EXEC_GAIN: Final = 1


class Compare(ctypes.Structure):
    """``struct scmp_arg_cmp``."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def settings(unit: str, key: str) -> list[str]:
    """Every value of a setting, in order."""
    lines = [line.partition("=") for line in unit.splitlines()]
    return [value for name, _, value in lines if name == key]


def members(name: str) -> set[str]:
    """The system calls of a set, sets in it included; a plain name is itself."""
    if not name.startswith("@"):
        return {name}
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True
    )
    lines = [line.strip() for line in said.stdout.splitlines()[1:]]
    return {one for line in lines if line and line[0] != "#" for one in members(line)}


def allowed(unit: str) -> set[str]:
    """What ``SystemCallFilter=`` leaves: an allow list begins with the default set."""
    found = members("@default")
    for value in settings(unit, "SystemCallFilter"):
        calls = {call for name in value.lstrip("~").split() for call in members(name)}
        found = found - calls if value.startswith("~") else found | calls
    return found


def confine(unit: str) -> None:
    """Bring the filter over this process and its children."""
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"), use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(Compare),
    )
    context = ctypes.c_void_p(library.seccomp_init(ERRNO | EPERM))
    families = [
        getattr(socket, name) for name in settings(unit, "RestrictAddressFamilies")[0].split()
    ]
    for name in allowed(unit):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            continue  # of another architecture, or a newer kernel
        if name == "socket":
            for family in families:
                only = Compare(0, EQUAL, family, 0)
                library.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.byref(only))
            continue
        assert library.seccomp_rule_add_array(context, ALLOW, number, 0, None) == 0, name
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    libc.prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)  # kernels before 6.3 do not know it
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text("utf-8"))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 # becomes the command, as a service does
