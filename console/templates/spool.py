"""The spool: why it cannot be opened, read or written."""

from __future__ import annotations

from typing import Final

from console.text import Template

LOCKED: Final = Template("spool.locked", "the spool is in use by process {process}")
LOCKED_BY_OTHER: Final = Template("spool.locked_by_other", "the spool is in use by another process")
STOP_OTHER: Final = Template(
    "spool.stop_other", "stop that process, or use another state folder with --state"
)
FOLDER_UNUSABLE: Final = Template("spool.folder_unusable", "the spool's folder cannot be used")
CHECK_FOLDER: Final = Template(
    "spool.check_folder", "check that the gateway's user can write to the folder"
)
DISK_FULL: Final = Template("spool.disk_full", "the spool's disk is full")
FREE_SPACE: Final = Template("spool.free_space", "free some space on that disk")
DISK_FAILED: Final = Template("spool.disk_failed", "the spool's disk reports errors")
CHECK_DISK: Final = Template(
    "spool.check_disk", "check the state folder's disk and its mount options"
)
SQLITE_REASON: Final = Template("spool.sqlite_reason", "SQLite reports '{reason}'")
DAMAGED: Final = Template("spool.damaged", "the spool's database is damaged")
UNREADABLE_ROW: Final = Template("spool.unreadable_row", "one of its rows cannot be decoded")
OTHER_VERSION: Final = Template(
    "spool.other_version",
    "the spool's database has version {found}, and this software reads version {known}",
)
UPDATE: Final = Template("spool.update", "update the gateway's software")
NOT_A_SPOOL: Final = Template(
    "spool.not_a_spool", "the database in the spool's folder belongs to another program"
)
REMOVE_FILE: Final = Template("spool.remove_file", "move that file out of the spool's folder")
CLOSED: Final = Template("spool.closed", "the spool is closed")
