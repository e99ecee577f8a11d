"""``kanmon-portal serve`` and ``claims``: the two web servers, one for people and one for boxes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from console.failure import Failure
from portal.cli.common import check_bind, check_free, portal_ready

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command()
@click.option("--bind", default="127.0.0.1:8000", show_default=True, metavar="HOST:PORT")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."
)
def serve(bind: str, workers: int) -> None:
    """Serve the pages until stopped; a proxy in front of it brings TLS."""
    check_bind(bind)
    with portal_ready():
        from django.conf import settings
        from django.core.management import call_command

        if not (settings.STATIC_ROOT / "staticfiles.json").exists():
            raise Failure(
                "the pages' styles and scripts are not built", next_step="run scripts/assets first"
            )
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
@click.option("--bind", default="0.0.0.0:8443", show_default=True, metavar="HOST:PORT")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
def claims(bind: str, workers: int) -> None:
    """Serve boxes that claim their place, over TLS by the portal's own root, until stopped."""
    check_bind(bind)
    with portal_ready():
        from portal.authority.claim_certificate import ensure_certificate

        certificate = ensure_certificate()
    from portal.server import Server

    check_free(bind)

    Server(bind=bind, workers=workers, tls=certificate).run()
