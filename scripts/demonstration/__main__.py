"""``scripts/demo``: from nothing to a page with live values and a fault, and back to nothing.

Everything is kept below ``.demo/`` in the checkout; see ``--help``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from scripts.demonstration import broker
from scripts.demonstration.client import WorldError
from scripts.demonstration.demonstration import (
    READY_S,
    ROOT,
    Demonstration,
    StepError,
    say,
)
from scripts.demonstration.folder import FolderInUseError, forget, held
from scripts.demonstration.ledger import cut_and_mend
from scripts.demonstration.page import PageError, Visitor
from scripts.demonstration.people import FIRST, table
from scripts.demonstration.ports import NoPortError
from scripts.demonstration.processes import ChildExitError, Children
from scripts.demonstration.sites import COPIER, GATEWAYS, LABELLED
from scripts.demonstration.waiting import wait_until

_CONDITION: Final = "has-condition"
"""The class of a device's card on the first page while the device has a condition."""
_SHOWN: Final = {
    ("power.active", ""),
    ("energy.import", ""),
    ("voltage", "l1"),
    ("impressions", ""),
}
_FAULT_S: Final = 45.0
FAILURES: Final = (
    StepError,
    ChildExitError,
    NoPortError,
    WorldError,
    PageError,
    broker.BrokerUnavailableError,
)
"""Errors that end the demonstration with their message."""


def print_readings(arrived: dict[str, Any]) -> int:
    """Print a few readings of each device; returns how many readings there are in all."""
    total = 0
    for name, device in LABELLED.items():
        readings = arrived["devices"][name]["readings"]
        total += len(readings)
        say(f"  {device.label} ({len(readings)} readings)")
        for reading in readings:
            if (reading["quantity"], reading["part"]) in _SHOWN:
                say(f"    {reading['quantity']:<16}{reading['value']:>14} {reading['unit']}")
    return total


def first_fault(demonstration: Demonstration, visitor: Visitor, copier: str) -> float:
    """Jam the copier; how many seconds later the first page shows it.

    Args:
        demonstration: Where the copier is.
        visitor: Looks at the page.
        copier: The id of the copier's card on that page.
    """
    _wait_for(demonstration, visitor, copier, jammed=False)
    began = time.monotonic()
    demonstration.control("break", what="jam")
    _wait_for(demonstration, visitor, copier, jammed=True)
    return time.monotonic() - began


def heal(demonstration: Demonstration, visitor: Visitor, copier: str) -> float:
    """Take the sheet out; how many seconds later the first page shows the copier without fault."""
    began = time.monotonic()
    demonstration.control("mend", what="jam")
    _wait_for(demonstration, visitor, copier, jammed=False)
    return time.monotonic() - began


def _wait_for(demonstration: Demonstration, visitor: Visitor, copier: str, *, jammed: bool) -> None:
    """Wait until the copier's card has a condition, or none."""

    def look() -> str | None:
        """The classes of the card; ``None`` where the page has none."""
        demonstration.check()
        card = visitor.elements(demonstration.url + "/").get(copier)
        return None if card is None else card.get("class", "")

    def late(classes: str | None) -> StepError:
        shown = "no card of the copier" if classes is None else classes
        step = "jammed" if jammed else "without a fault"
        return StepError(f"the page did not show the copier {step}, but {shown}")

    wait_until(
        look,
        lambda classes: classes is not None and (_CONDITION in classes.split()) is jammed,
        late,
        patience_s=_FAULT_S,
    )


def check_page(demonstration: Demonstration, visitor: Visitor, arrived: dict[str, Any]) -> None:
    """Check that the page shows all devices and that nothing was refused; raises `StepError`."""
    words = visitor.words(demonstration.url + "/")
    labels = [device.label for device in LABELLED.values()]
    labels += [gateway.site for gateway in GATEWAYS]
    missing = [label for label in labels if label not in words]
    if missing:
        raise StepError(f"the page does not show {', '.join(missing)}; it says: {words[:400]}")
    if arrived["quarantined"] or arrived["gaps"]:
        raise StepError(
            f"{arrived['quarantined']} records quarantined, {arrived['gaps']} gaps; none expected"
        )


def verify(demonstration: Demonstration, visitor: Visitor, copier: str) -> None:
    """Heal the faults, and check that nothing was lost meanwhile; raises `StepError`."""
    healed_s = heal(demonstration, visitor, copier)
    say(f"  all well again {healed_s:6.1f} s after the sheet was taken out")
    closing = cut_and_mend(demonstration, visitor)
    say(f"  gap filled     {closing.seconds:6.1f} s after the internet was mended: {closing.line}")
    check_page(demonstration, visitor, demonstration.arrivals())


def present(demonstration: Demonstration, options: argparse.Namespace) -> None:
    """Run the demonstration: until its checks passed (``--once``), else until Ctrl-C."""
    began = time.monotonic()
    link = demonstration.start()
    arrived = demonstration.wait_for_values()
    first_value_s = time.monotonic() - began
    total = print_readings(arrived)
    history = demonstration.fill_history()
    visitor = Visitor()
    visitor.sign_in(link)
    copier = f"device-{arrived['devices'][COPIER.name]['id']}"
    fault_s = first_fault(demonstration, visitor, copier)
    to_fault_s = time.monotonic() - began
    installed_s = float(os.environ.get("KANMON_DEMO_INSTALL_S") or 0)
    say("")
    say(f"  install        {installed_s:6.0f} s")
    say(f"  first value    {first_value_s:6.1f} s after that, {total} readings on the page")
    say(f"  first fault    {to_fault_s:6.1f} s; the page said so {fault_s:.1f} s after the jam")
    say(
        f"  history        {history['seconds']:6.1f} s for {history['samples']:,} simulated samples"
    )
    if options.once:
        verify(demonstration, visitor, copier)
        say(f"\n{total} readings of {len(LABELLED)} devices are in the portal and on its page.")
        return
    links = demonstration.links()
    say(f"\nOpen this link (it signs you in, once):\n\n    {links[FIRST.email]}\n")
    say("The other people of the demo, for another browser (each link once, for 30 minutes):\n")
    for line in table(links):
        say(line)
    say("")
    say("The copier has a paper jam, which clears by itself; try another fault on the page.")
    say(f"Mails that the portal sends can be read here: {demonstration.mailbox}")
    say(f"Later on: {demonstration.url}   Logs: {demonstration.children.logs}   Ctrl-C stops all.")
    while True:
        demonstration.check()
        time.sleep(0.5)


def main() -> int:
    """Run the demonstration; 0 when it did what it shows, 2 when it failed."""
    options = _options()
    folder = options.folder.resolve()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with held(folder):
            if options.fresh or options.once:
                forget(folder)
            return _run(folder, options)
    except FolderInUseError as error:
        say(f"scripts/demo failed: {error}")
        return 2


def _run(folder: Path, options: argparse.Namespace) -> int:
    children = Children(logs=folder / "logs")
    try:
        demonstration = Demonstration(
            folder=folder,
            children=children,
            choice=options.broker,
            port=options.port,
            patience_s=options.patience,
            with_site=not options.no_site,
        )
        present(demonstration, options)
    except KeyboardInterrupt:
        say("\nStopping ...")
        return 0
    except FAILURES as error:
        say(f"\nscripts/demo failed: {error}")
        return 2
    else:
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # stopping is not to be interrupted
        killed = children.stop()
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        say("Everything is stopped." if not killed else f"Stopped; {', '.join(killed)} by force.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--once",
        action="store_true",
        help="run without a person: print what arrived, exit 0 only if it did",
    )
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs stored")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything is")
    parser.add_argument("--patience", type=float, default=READY_S, help="seconds to wait")
    parser.add_argument("--no-site", action="store_true", help="leave the meters off: must fail")
    parser.add_argument("--port", type=int, help="the page's port from now on (at first 8000)")
    parser.add_argument(
        "--broker", choices=["auto", "installed", "unpacked", "amqtt"], default="auto"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
