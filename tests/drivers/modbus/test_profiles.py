"""What holds for every profile that comes with this software; a new one is covered by being there.

A profile without a capture, or whose capture becomes another report than the reviewed one, fails.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from drivers.device_url import DeviceUrl
from drivers.modbus import profile_loader as profiles
from drivers.modbus.profile import IDENTITY_GROUP, Profile
from drivers.modbus.profile_loader import FolderProfiles
from drivers.registry import DRIVERS
from drivers.replay import report_of
from drivers.report import Kind, Quality, check_part
from drivers.report_json import dumps, to_json
from drivers.report_reader import from_json, loads
from protocols.modbus.capture import Capture, Origin

ROOT = Path(__file__).parents[3]
CAPTURES = ROOT / "tests" / "captures"
SCHEMA = ROOT / "docs" / "reference" / "profile.schema.json"
NAMES = profiles.names()

every_profile = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def profile(name: str) -> Profile:
    return profiles.load(name)


@pytest.fixture
def capture(name: str) -> Capture:
    return Capture.load(CAPTURES / name / "capture.jsonl")


def test_there_are_profiles() -> None:
    assert {profiles.load(name).maker for name in NAMES} >= {
        "ABB",
        "Carlo Gavazzi",
        "Eastron",
        "Huawei",
        "Schneider Electric",
    }


def test_the_schema_in_the_reference_is_what_the_model_says() -> None:
    assert SCHEMA.read_text("utf-8") == profiles.schema_text(), (
        "run: python -m drivers.modbus.profile_loader > docs/reference/profile.schema.json"
    )


@every_profile
def test_it_fits_the_schema_that_editors_use(name: str) -> None:
    document: Any = yaml.safe_load((profiles.PACKAGED / f"{name}.yaml").read_text("utf-8"))
    # JSON has text keys only, as `states: {0: ready}` has them for an editor
    as_json = json.loads(json.dumps(document))
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(as_json)


@every_profile
def test_its_name_is_its_maker_and_model(name: str, profile: Profile) -> None:
    maker = re.sub(r"[^a-z0-9]+", "-", profile.maker.lower())
    assert name.startswith(f"{maker}-")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)


@every_profile
def test_every_part_is_one_its_quantity_may_have(profile: Profile) -> None:
    for point in profile.points:
        if point.quantity is not None:
            check_part(point.quantity, point.part)


@every_profile
def test_every_bit_is_a_condition_of_its_own(profile: Profile) -> None:
    alerts = [alert for point in profile.points for alert in (point.bits or {}).values()]
    keys = [(alert.code, alert.component) for alert in alerts]
    assert len(set(keys)) == len(keys)  # else two of one report could not be told apart
    assert all(alert.message for alert in alerts)


@every_profile
@pytest.mark.parametrize(
    "scheme", sorted(scheme for scheme in DRIVERS if scheme.startswith("modbus"))
)
def test_its_url_can_be_opened(name: str, scheme: str, profile: Profile) -> None:
    kind = DRIVERS[scheme]
    place = {"modbus-rtu": "/dev/ttyUSB0", "modbus-rtu+tcp": "192.0.2.7:4001/"}
    where = place.get(scheme, "192.0.2.7/")
    url = DeviceUrl.parse(f"{scheme}://{where}?unit=1&profile={name}")
    assert kind.check(url, FolderProfiles()) == []
    groups = kind.poll_groups(url, FolderProfiles())
    assert set(groups) == {point.poll_group for point in profile.points}
    if IDENTITY_GROUP in groups:
        assert next(iter(groups)) == IDENTITY_GROUP
        assert groups[IDENTITY_GROUP] is not None


@every_profile
def test_its_capture_says_where_its_bytes_come_from(profile: Profile, capture: Capture) -> None:
    assert capture.device == f"{profile.maker} {profile.model}"
    if capture.origin is Origin.SYNTHETIC:
        assert len(capture.sources) >= 2
        assert len(set(profile.sources)) >= 2


@every_profile
@pytest.mark.req("C-20")
async def test_its_capture_becomes_the_reviewed_report(name: str, capture: Capture) -> None:
    report = await report_of(name, capture, FolderProfiles())
    reviewed = (CAPTURES / name / "expected.json").read_text("utf-8")
    assert dumps(to_json(report), indent=1) + "\n" == reviewed
    assert from_json(loads(reviewed)) == report


@every_profile
async def test_its_capture_shows_every_point(name: str, capture: Capture, profile: Profile) -> None:
    report = await report_of(name, capture, FolderProfiles())
    measured = [point for point in profile.points if point.quantity is not None]
    assert len(report.readings) == len(measured)
    assert all(reading.quality is not Quality.NOT_SUPPORTED for reading in report.readings)
    for field in {point.identity for point in profile.points if point.identity}:
        assert getattr(report.identity, field)


@every_profile
async def test_its_numbers_are_whole_and_its_counters_count(name: str, capture: Capture) -> None:
    for reading in (await report_of(name, capture, FolderProfiles())).readings:
        if reading.quality is Quality.GOOD and reading.quantity.kind is not Kind.TEXT:
            assert type(reading.value) is int
            assert reading.quantity.kind is not Kind.COUNTER or reading.value >= 0
