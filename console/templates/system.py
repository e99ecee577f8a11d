"""Why the operating system refused something."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from console.text import Message, Template, verbatim

NOT_FOUND: Final = Template("system.not_found", "no such file or folder")
PERMISSION: Final = Template("system.permission", "permission denied")
NOT_PERMITTED: Final = Template("system.not_permitted", "operation not permitted")
DISK_FULL: Final = Template("system.disk_full", "no space left on device")
QUOTA: Final = Template("system.quota", "disk quota exceeded")
FILE_LIMIT: Final = Template("system.file_limit", "file too large")
READ_ONLY: Final = Template("system.read_only", "read-only file system")
FOLDER: Final = Template("system.folder", "it is a folder")
NO_FOLDER: Final = Template("system.no_folder", "a part of the path is not a folder")
LINKS: Final = Template("system.links", "too many levels of symbolic links")
INPUT_OUTPUT: Final = Template("system.input_output", "input/output error")
NAME_LENGTH: Final = Template("system.name_length", "file name too long")
BAD_DESCRIPTOR: Final = Template("system.bad_descriptor", "bad file descriptor")
EXISTS: Final = Template("system.exists", "file exists")
ADDRESS_IN_USE: Final = Template("system.address_in_use", "address already in use")
NO_ADDRESS: Final = Template("system.no_address", "cannot assign requested address")
REFUSED: Final = Template("system.refused", "connection refused")
TIMED_OUT: Final = Template("system.timed_out", "connection timed out")
RESET: Final = Template("system.reset", "connection reset by peer")
NO_ROUTE: Final = Template("system.no_route", "no route to host")
NO_NETWORK: Final = Template("system.no_network", "network is unreachable")
BROKEN_PIPE: Final = Template("system.broken_pipe", "broken pipe")
NO_DEVICE: Final = Template("system.no_device", "no such device")
BUSY: Final = Template("system.busy", "device or resource busy")
NO_MEMORY: Final = Template("system.no_memory", "cannot allocate memory")
TOO_MANY_FILES: Final = Template("system.too_many_files", "too many open files")

FILE_UNREADABLE: Final = Template("system.file_unreadable", "the file cannot be read")
TLS_REASON: Final = Template("system.tls_reason", "the TLS library reports '{reason}'")
RESOLVER_REASON: Final = Template(
    "system.resolver_reason", "the name server's answer is '{reason}'"
)
FOLDER_EXPOSED: Final = Template(
    "system.folder_exposed", "other accounts can look into the folder (mode {mode})"
)
FILE_EXPOSED: Final = Template(
    "system.file_exposed", "other accounts can read the file (mode {mode})"
)
OWNED_BY: Final = Template("system.owned_by", "it belongs to another account (uid {account})")
HOLDS_OTHER_THINGS: Final = Template(
    "system.holds_other_things",
    "it also holds files of others, so its mode is not changed automatically",
)
MODE_NOT_KEPT: Final = Template(
    "system.mode_not_kept", "its mode cannot be changed on this file system"
)
CLOSE_FOLDER: Final = Template(
    "system.close_folder",
    "choose a folder of its own for the state, or run `chmod 700` on this one as its owner",
)
CLOSE_FILE: Final = Template(
    "system.close_file", "run `chmod 600` on the file as its owner, or remove it"
)

REASONS: Final[Mapping[int, Template]] = {
    errno.ENOENT: NOT_FOUND,
    errno.EACCES: PERMISSION,
    errno.EPERM: NOT_PERMITTED,
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: QUOTA,
    errno.EFBIG: FILE_LIMIT,
    errno.EROFS: READ_ONLY,
    errno.EISDIR: FOLDER,
    errno.ENOTDIR: NO_FOLDER,
    errno.ELOOP: LINKS,
    errno.EIO: INPUT_OUTPUT,
    errno.ENAMETOOLONG: NAME_LENGTH,
    errno.EBADF: BAD_DESCRIPTOR,
    errno.EEXIST: EXISTS,
    errno.EADDRINUSE: ADDRESS_IN_USE,
    errno.EADDRNOTAVAIL: NO_ADDRESS,
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: TIMED_OUT,
    errno.ECONNRESET: RESET,
    errno.EHOSTUNREACH: NO_ROUTE,
    errno.ENETUNREACH: NO_NETWORK,
    errno.EPIPE: BROKEN_PIPE,
    errno.ENODEV: NO_DEVICE,
    errno.EBUSY: BUSY,
    errno.ENOMEM: NO_MEMORY,
    errno.EMFILE: TOO_MANY_FILES,
}
"""Reasons by ``errno``, close to the C library's words (strerror(3)); a directory is a folder."""


def reason(error: OSError) -> Message:
    """Why the system refused; a reason that is not in `REASONS` in the system's own words."""
    template = REASONS.get(error.errno or 0)
    return template() if template else verbatim(error.strerror or str(error))
