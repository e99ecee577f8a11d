"""What the authority refuses. Apart, so that who catches it loads no cryptography."""

from __future__ import annotations

import errno
from typing import Final

from console.text import Message, MessageError, Template

RUN_AS_USER: Final = Template(
    "portal.run_as_user", "run the command as the user that the portal runs as"
)
CORRECT_PATH: Final = Template("portal.correct_path", "correct the path")
FREE_SPACE: Final = Template(
    "portal.free_space", "free some space on that disk, then run the command again"
)
MOUNT_WRITABLE: Final = Template(
    "portal.mount_writable", "mount that disk writable, or name another path"
)
UNREADABLE: Final = Template("portal.unreadable", "the file cannot be read")
HAS_MODE: Final = Template("portal.has_mode", "the file has mode {mode}")
CHECK_FILE: Final = Template("portal.check_file", "check the file and its disk, then try again")
SYSTEM_STEPS: Final = {
    errno.ENOENT: CORRECT_PATH(),
    errno.ENOTDIR: CORRECT_PATH(),
    errno.EISDIR: CORRECT_PATH(),
    errno.EACCES: RUN_AS_USER(),
    errno.EPERM: RUN_AS_USER(),
    errno.ENOSPC: FREE_SPACE(),
    errno.EDQUOT: FREE_SPACE(),
    errno.EROFS: MOUNT_WRITABLE(),
}
"""What to do next about an error of the operating system."""


class AuthorityError(MessageError, ValueError):
    """Something an operator asked of the authority that cannot be done."""


def system_step(error: OSError) -> Message:
    """What to do next about an error of the operating system with a file."""
    return SYSTEM_STEPS.get(error.errno or 0, CHECK_FILE())
