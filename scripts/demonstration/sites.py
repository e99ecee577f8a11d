"""The simulated sites: their gateways and devices, and what happened to these before.

Two sites with a gateway each::

    Kawagoe plant  --- Plant room ------ Main incomer, Workshop hall 2, Cold room, Roof PV 9.9 kW
    Tokyo office   --- Office 3F ------- 3F copier, Label printer

`Past` is kept in a file of the demonstration's folder, so that a second run goes on where the first
one stood. Times are Unix seconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.demonstration.loads import DAY_S, JAPAN_S, Load, Pages, Shape, chance, last_before

DAYS: Final = 397
_AHEAD_S: Final = 3 * DAY_S
"""How long one run may last before loads stay as they are."""
ORGANIZATION: Final = "Sumida Works"
FILE: Final = "past.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A meter of the plant.

    Attributes:
        unit: Its unit id.
        name: Its name in the gateway's configuration.
        label: Its label there.
        serial: The serial number of the first one in that place.
        import_kwh, export_kwh: Its counters when the history begins.
    """

    unit: int
    name: str
    label: str
    serial: int
    shape: Shape
    import_kwh: float = 0.0
    export_kwh: float = 0.0


METERS: Final = (
    Meter(
        unit=1, name="main-incomer", label="Main incomer", serial=23_103_401,
        shape=Shape(base_w=6_200, peak_w=29_000, busiest=13.5, width=4.5, weekend=0.25,
                    heating=0.12, cooling=0.3),
        import_kwh=104_213.4,
    ),
    Meter(
        unit=2, name="workshop", label="Workshop, hall 2", serial=23_103_402,
        shape=Shape(base_w=900, peak_w=14_500, busiest=10.5, width=3.2, weekend=0.05),
        import_kwh=31_340.9,
    ),
    Meter(
        unit=3, name="cold-room", label="Cold room", serial=21_088_377,
        shape=Shape(base_w=2_100, peak_w=900, busiest=15.5, width=6, cooling=0.45),
        import_kwh=198_872.2,
    ),
    Meter(
        unit=4, name="roof-pv", label="Roof PV 9.9 kW", serial=23_103_404,
        shape=Shape(base_w=1, peak_w=-8_900, solar=True),
        import_kwh=31.5, export_kwh=9_904.6,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Printer:
    """A printer of the office.

    Attributes:
        walk: The file beside this one with the walk of its agent.
        community: The community of its agent.
        pages: Its life count when the history begins.
        busy: How much it prints, as a share of the copier.
    """

    name: str
    label: str
    walk: str
    community: str
    pages: int
    busy: float = 1.0


COPIER: Final = Printer(
    name="copier-3f", label="3F copier", walk="copier.snmprec", community="public", pages=141_902
)
LABELS: Final = Printer(
    name="label-printer", label="Label printer, shipping", walk="labels.snmprec",
    community="public", pages=52_310, busy=0.4,
)  # fmt: skip
PRINTERS: Final = (COPIER, LABELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway and what it reads.

    Attributes:
        key: Names its configuration and the file of its process id.
        state: Names its state folder.
        site, name: Its place in the portal, as issued.
    """

    key: str
    state: str
    site: str
    name: str
    devices: tuple[Meter | Printer, ...]


PLANT: Final = Gateway(
    key="plant", state="gateway", site="Kawagoe plant", name="Plant room", devices=METERS
)
OFFICE: Final = Gateway(
    key="office", state="office", site="Tokyo office", name="Office 3F", devices=PRINTERS
)
GATEWAYS: Final = (PLANT, OFFICE)
LABELLED: Final = {device.name: device for gateway in GATEWAYS for device in gateway.devices}


@dataclass(slots=True, kw_only=True)
class Past:
    """When the history begins, and which meters were exchanged since.

    Attributes:
        since: When the history begins, a midnight in Japan.
        exchanges: The moments of each meter's exchanges by its unit, ascending.
    """

    since: int
    exchanges: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def begin(cls, now: float) -> Past:
        """Return a history until now: the cold room's meter was exchanged seven months into it."""
        today = int((now + JAPAN_S) // DAY_S) * DAY_S - JAPAN_S
        since = today - DAYS * DAY_S
        return cls(since=since, exchanges={3: [since + 228 * DAY_S + 10 * 3600 + 17 * 60]})

    @classmethod
    def read(cls, folder: Path) -> Past:
        """Return the history of a folder, which the first call begins."""
        path = folder / FILE
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            past = cls.begin(time.time())
            past.write(folder)
            return past
        exchanges = {int(unit): list(moments) for unit, moments in content["exchanges"].items()}
        return cls(since=content["since"], exchanges=exchanges)

    def write(self, folder: Path) -> None:
        """Keep the history in a folder."""
        content = {"since": self.since, "exchanges": self.exchanges}
        draft = folder / f"{FILE}.new"
        draft.write_text(json.dumps(content))
        draft.replace(folder / FILE)

    @property
    def outage(self) -> tuple[int, int]:
        """When the plant's gateway was off: a day and a half, nine weeks ago."""
        begin = self.since + (DAYS - 63) * DAY_S + 16 * 3600 + 2400
        return begin, begin + 38 * 3600

    @property
    def until(self) -> int:
        """How far loads are computed."""
        return int(max(time.time(), self.since + DAYS * DAY_S)) + _AHEAD_S


@dataclass(slots=True)
class Register:
    """A meter's place: the meter there counts what was used since it was mounted.

    Attributes:
        exchanges: When it was exchanged, ascending; may grow.
    """

    meter: Meter
    load: Load
    exchanges: list[int]

    @classmethod
    def of(cls, meter: Meter, past: Past) -> Register:
        """The place of ``meter``."""
        load = Load(meter.shape, meter.unit, past.since, past.until)
        return cls(meter, load, past.exchanges.setdefault(meter.unit, []))

    def counters_kwh(self, at: float) -> tuple[float, float]:
        """The counters at a moment: imported and exported energy."""
        taken, given = self.load.energy_kwh(at)
        hung = last_before(self.exchanges, at)
        if hung is None:
            return taken + self.meter.import_kwh, given + self.meter.export_kwh
        before = self.load.energy_kwh(hung)
        return taken - before[0], given - before[1]

    def power_w(self, at: float) -> float:
        """Active power, with the flicker of a reading, which energy does not have."""
        return self.load.power_w(at) * (0.985 + 0.03 * chance(self.meter.unit, int(at)))

    def serial(self, at: float) -> int:
        """The serial number of the meter there at a moment."""
        count = sum(moment <= at for moment in self.exchanges)
        return self.meter.serial + count * 2_015_038


def registers(past: Past) -> Mapping[int, Register]:
    """The place of each meter, by its unit."""
    return {meter.unit: Register.of(meter, past) for meter in METERS}


def pages(past: Past) -> Pages:
    """The pages that the office prints."""
    return Pages(past.since, past.until)


def printed(printer: Printer, office: Pages, at: float) -> int:
    """A printer's life count at a moment."""
    return printer.pages + int(office.printed(at) * printer.busy)
