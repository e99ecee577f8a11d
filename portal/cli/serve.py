"""``kanmon-portal serve`` and ``claims``: the two web servers, one for people and one for boxes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from console.failure import Failure
from console.number_option import NumberOption
from console.text import Template
from portal.cli.common import BindType, check_free, portal_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.decorators import FC

NOT_BUILT: Final = Template("portal.not_built", "the styles and scripts of the pages are not built")
BUILD: Final = Template("portal.build", "run `scripts/assets`")

_workers = click.option(
    "--workers",
    cls=NumberOption,
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="The number of worker processes.",
)


def _bind(default: str) -> Callable[[FC], FC]:
    return click.option(
        "--bind",
        type=BindType(default),
        default=default,
        show_default=True,
        metavar="HOST:PORT",
        help="The address and port to listen on.",
    )


@click.command()
@_bind("127.0.0.1:8000")
@_workers
def serve(bind: str, workers: int) -> None:
    """Run the web server for users.

    Runs until it is stopped. TLS is provided by a reverse proxy in front of it.
    """
    with portal_ready():
        from django.conf import settings
        from django.core.management import call_command

        if not (settings.STATIC_ROOT / "staticfiles.json").exists():
            raise Failure(NOT_BUILT(), next_step=BUILD())
        call_command("check", verbosity=0)
        str(settings.SECRET_KEY)  # read lazily: what is wrong with it must not wait for a visitor
    from portal.server import Server

    check_free(bind)
    with _shared_metrics(workers):
        Server(bind=bind, workers=workers).run()


@contextmanager
def _shared_metrics(workers: int) -> Iterator[None]:
    """A folder through which several processes add up their metrics, where there are several.

    Named in the environment before anything loads the library, which looks for it only then.
    """
    from django.conf import settings

    if workers == 1 or not settings.METRICS_TOKEN:
        yield
        return
    with TemporaryDirectory(prefix="kanmon-portal-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


@click.command()
@_bind("0.0.0.0:8443")
@_workers
def claims(bind: str, workers: int) -> None:
    """Run the server that enrols boxes.

    Runs until it is stopped, over TLS with a certificate of the portal's own root.
    """
    with portal_ready():
        from portal.authority.claim_certificate import ensure_certificate

        certificate = ensure_certificate()
    from portal.server import Server

    check_free(bind)

    Server(bind=bind, workers=workers, tls=certificate).run()
