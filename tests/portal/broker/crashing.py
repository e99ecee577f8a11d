"""Renew the broker's certificate, and die before every single thing it does to its folder.

``python -m tests.portal.broker.crashing FOLDER``, for a portal that the environment names. Each
try is a process of its own that ends without a word, as at a power cut (what the kernel has taken
is there); after it, the pair must be one that the broker starts with. Prints how often it died.
"""

from __future__ import annotations

import os
import ssl
import sys
from dataclasses import replace
from pathlib import Path

import django

_CHANGES = {"open", "os.rename", "os.remove", "os.chmod", "os.chown", "os.mkdir", "os.link"}
_DIED = 9


def main(path: Path) -> None:
    """All of it; raises where a crash left what the broker cannot use."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    step = 0
    while True:
        step += 1
        # Another host each time, so that it is always time.
        died = _in_a_process(path, f"broker-{step}.example.com", step)
        _check(path)
        if not died:
            break
        assert not _in_a_process(path, f"broker-{step}.example.com", 0)
        _check(path)
    print(step - 1)


def _in_a_process(path: Path, host: str, step: int) -> bool:
    child = os.fork()
    if child == 0:
        try:
            _renew(path, host, step)
        except BaseException as error:  # noqa: BLE001 # a forked test process must end here
            print(f"{error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, _DIED}, f"step {step} ended with {code}"
    return code == _DIED


def _renew(path: Path, host: str, step: int) -> None:
    from portal.authority.models import IssuedCertificate
    from portal.authority.server_identity import read_identity
    from portal.broker.configuration import SERVER
    from portal.broker.folder import BrokerFolder

    folder = BrokerFolder.load(path)
    folder = replace(folder, plan=replace(folder.plan, hosts=(host,)))
    left = step

    def die(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        name = str(arguments[0]) if arguments else ""
        if event in _CHANGES and str(path / SERVER.parent) in name:
            left -= 1
            if left == 0:
                os._exit(_DIED)

    def die_between(**_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(_DIED)

    if step:
        sys.addaudithook(die)
        from django.db.models.signals import post_save

        post_save.connect(die_between, sender=IssuedCertificate, weak=False)
    folder.renew_server()
    if not step:
        serial = f"{read_identity(path / SERVER).serial_number:x}"
        assert IssuedCertificate.objects.filter(serial=serial).exists(), "it is not on record"


def _check(path: Path) -> None:
    """The broker starts with it: OpenSSL takes key and certificate as a pair."""
    from portal.broker.configuration import SERVER

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path / SERVER)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
