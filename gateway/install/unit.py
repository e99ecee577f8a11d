"""The systemd unit of the gateway and what goes with it, as text. Pure.

The first line names its writer, the second holds a digest of what follows: whether somebody has
edited the file since can be told from the file alone.

Source: systemd.exec(5), systemd.service(5), systemd.resource-control(5); the kernel's
Documentation/admin-guide/devices.txt for the major numbers of serial ports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final

NAME: Final = "kanmon.service"
STATE_ROOT: Final = PurePosixPath("/var/lib")
"""Below it systemd makes a service's folder itself, and gives it to the service's user."""
PLAIN_PATH: Final = re.compile(r"(/[A-Za-z0-9._-]+)+")
"""A path that means the same to systemd, to its sysusers and tmpfiles, and to a shell."""
ACCOUNT: Final = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
"""A name that every tool takes for a user or a group."""
_HEAD: Final = "# Written by `kanmon service install`; change it with `systemctl edit kanmon`."
_OURS: Final = "# Written by `kanmon service install`."
_DIGEST: Final = "# digest "


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The service of one installation.

    Attributes:
        program: The command that runs ``kanmon``: a `PLAIN_PATH`, and plain arguments.
        user: The account it runs as, and its group of the same name.
        serial_group: The group that may open serial ports.
        state: The state folder, a `PLAIN_PATH`.
        running: The running configuration; without it the service is not started.
    """

    program: tuple[str, ...]
    user: str
    serial_group: str
    state: PurePosixPath
    running: PurePosixPath

    @property
    def below_var_lib(self) -> str | None:
        """The state folder's path below `STATE_ROOT`; ``None`` where it is elsewhere."""
        if self.state == STATE_ROOT or not self.state.is_relative_to(STATE_ROOT):
            return None
        return str(self.state.relative_to(STATE_ROOT))

    def text(self) -> str:
        """Return the text of the unit file."""
        return with_digest(
            _UNIT.format(
                command=" ".join((*self.program, "--state", str(self.state), "run")),
                user=self.user,
                serial_group=self.serial_group,
                state=self.state,
                running=self.running,
                folder=self._folder(),
            )
        )

    def sysusers(self) -> str:
        """Return the file by which sysusers.d(5) makes the accounts."""
        return (
            f"{_OURS}\n"
            f"g {self.serial_group} -\n"
            f'u {self.user} - "Kanmon gateway" {self.state}\n'
            f"m {self.user} {self.serial_group}\n"
        )

    def tmpfiles(self) -> str | None:
        """Return the file by which tmpfiles.d(5) makes the state folder.

        ``None`` below /var/lib, where systemd makes it without one.
        """
        if self.below_var_lib is not None:
            return None
        return (
            f"{_OURS}\n"
            f"d {self.state} 0700 {self.user} {self.user} -\n"
            f"Z {self.state} - {self.user} {self.user} -\n"
        )

    def _folder(self) -> str:
        below = self.below_var_lib
        if below is None:
            return f"ReadWritePaths={self.state}"
        return f"StateDirectory={below}\nStateDirectoryMode=0700"


def with_digest(body: str) -> str:
    """Return a file's text: who wrote it, the digest of its body, its body."""
    return f"{_HEAD}\n{_DIGEST}{_digest(body)}\n{body}"


def is_unedited(text: str) -> bool:
    """Whether a file is as `with_digest` of any version made it."""
    head, _, rest = text.partition("\n")
    digest, _, body = rest.partition("\n")
    return head == _HEAD and digest == _DIGEST + _digest(body)


def _digest(body: str) -> str:
    return sha256(body.encode()).hexdigest()[:32]


_UNIT: Final = """\
[Unit]
Description=Kanmon gateway
After=network.target
RequiresMountsFor={state}
# Without a configuration there is nothing to do: `kanmon config apply FILE`, then start it.
ConditionPathExists={running}
# Never given up: on a site nobody is there to start it again.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=10
# Wrong usage does not mend itself.
RestartPreventExitStatus=3
# Reading the configuration may take two minutes on a slow card; a stop brings to disk what waits.
TimeoutStartSec=180
TimeoutStopSec=60
# The daemon notifies the watchdog every minute, only while loop, spool and lines make progress.
WatchdogSec=120
# Its log then says where every thread hung; a core dump would only fill the disk.
LimitCORE=0

User={user}
Group={user}
# Serial ports belong to this group.
SupplementaryGroups={serial_group}
UMask=0077
{folder}

# It takes 35 to 60 MB, and as much again for half a second while a configuration is read; what
# takes several times that is a fault, and a restart loses nothing that was accepted.
MemoryHigh=192M
MemoryMax=256M
TasksMax=64

# Devices: serial ports only. PrivateDevices=yes cannot be used, because it takes those away, too.
DevicePolicy=closed
# USB adapters (ttyUSB, ttyACM) by number: their names are known to the kernel only from the moment
# that the first one is plugged in, and systemd looks when the service starts.
DeviceAllow=char-188 rw
DeviceAllow=char-166 rw
# Ports on the board. ttyS shares its number with the consoles, which belong to another group.
DeviceAllow=char-ttyS rw
DeviceAllow=char-ttyAMA rw
DeviceAllow=char-ttySC rw
DeviceAllow=char-ttymxc rw
DeviceAllow=char-ttyLP rw
DeviceAllow=char-ttySTM rw

# Files: the state folder may be written, and nothing else. /tmp is its own.
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
# ProcSubset=pid cannot be used: the boot id, by which readings are dated, is in /proc/sys.
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes

# Network: it connects to devices and the broker by IP, and has a control socket.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6

# Rights: none. PrivateUsers=yes is left out, as it would make the ports' group a stranger's.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private

SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# Asking the kernel whether its clock is synchronised needs these; setting it would need a right
# that is not there. ProtectClock=yes would forbid asking.
SystemCallFilter=adjtimex clock_adjtime clock_adjtime64
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
