"""Configurations as they were brought from sites: what is said of each, and at which place.

The files are beside the checkout, in ``../shared/field/configurations``; tests of the single kinds
of fault are in tests/config and `test_checks`, and stand without them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from console.language import use
from gateway.cli.main import kanmon

ROOT: Final = Path(__file__).parents[3]
FILES: Final = next(
    (
        found
        for parent in (ROOT.parent, ROOT.parent.parent)
        if (found := parent / "shared" / "field" / "configurations").is_dir()
    ),
    None,
)
needs_files = pytest.mark.skipif(
    FILES is None, reason="no ../shared/field/configurations beside this checkout: NOT TESTED"
)

EXPECTED: Final[dict[str, list[str]]] = {
    "01-tab": ["3:1 yaml.tab_indentation"],
    "02-indent": ["5:6 yaml.indentation"],
    "03-unknown-key": ["6:5 value.unknown_setting", "7:5 value.unknown_setting"],
    "04-duplicate-name": ["5:12 config.duplicate_name"],
    "05-port-string": ["3:19 config.listen", "5:23 config.url_port"],
    "06-unit-300": ["4:20 device_url.not_in_range", "5:20 device_url.not_in_range"],
    "07-profile": [
        "4:20 profile.unknown",
        "5:20 profile.unknown",
        "6:20 profile.unknown",
        "7:20 device_url.no_profile",
    ],
    "08-quote": ["5:10 yaml.quote_open"],
    "09-too-short": ["5:107 value.too_small"],
    "09b-too-many": ["4:20 check.line_too_busy"],
    "10-secret": [
        "3:17 config.broker_credentials",
        "3:75 config.not_a_reference",
        "5:20 device_url.no_reference",
    ],
    "11-timezone": ["2:19 config.time_zone"],
    "12-mixed-line": ["4:20 check.different_formats", "6:20 check.same_device"],
    "13-no-version": ["1:1 config.version_missing", "3:3 value.not_a_list"],
    "14-no-sites": ["1:10 config.newer_version"],
    "15-yes-name": [
        "4:12 value.not_text",
        "4:86 config.not_boolean",
        "5:12 value.not_a_name",
        "6:12 value.not_a_name",
        "6:86 value.not_a_number",
    ],
    "16-duplicate-key": ["6:5 yaml.key_repeated"],
    "17-fullwidth": ["6:12 yaml.full_width"],
    "18-same-device-twice": ["5:20 check.same_device"],
    "19-crlf": [],
    "20-bom": [],
    "21-sjis": ["3:18 yaml.not_utf8"],
    "22-unit-rtu": [
        "4:20 device_url.not_in_range",
        "5:20 device_url.not_in_range",
        "10:20 config.url_address",
        "11:20 config.url_port",
        "12:20 config.url_slashes",
        "13:20 polling.unknown_scheme",
        "14:20 device_url.no_protocol",
        "15:20 device_url.option_twice",
        "16:20 device_url.path",
        "17:20 polling.unknown_scheme",
        "18:20 device_url.fragment",
        "19:20 device_url.password",
        "20:20 device_url.unknown_option",
    ],
    "23-no-unit-no-baud": [],
}
_LIBRARIES: Final = re.compile(
    r"while (?:scanning|parsing)|expected ['<]|but found|did not find|token|scalar|stream"
    r"|Port (?:could|out)|Traceback|pydantic"
)
_SECRETS: Final = ("hunter2", "MySecretKey", "s3cr3t", "u:p@")


def check(path: Path, state: Path) -> tuple[int, str]:
    done = CliRunner().invoke(kanmon, ["--state", str(state), "config", "check", str(path)])
    return done.exit_code, done.output


def checked(path: Path, state: Path) -> dict[str, Any]:
    words = ["--state", str(state), "config", "check", "--json", str(path)]
    result: dict[str, Any] = json.loads(CliRunner().invoke(kanmon, words).output)
    return result


@needs_files
def test_every_file_is_expected() -> None:
    assert FILES
    assert sorted(path.stem for path in FILES.glob("*.yaml")) == sorted(EXPECTED)


@needs_files
@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_program_reads(name: str, tmp_path: Path) -> None:
    assert FILES
    result = checked(FILES / f"{name}.yaml", tmp_path)
    told = [
        f"{one['location']['line']}:{one['location']['column']} {one['code']}"
        for one in result["findings"]
    ]
    assert told == EXPECTED[name]
    levels = [one["level"] for one in result["findings"]]
    assert result["usable"] is ("error" not in levels)
    for one in result["findings"]:
        assert one["places"][0] == {"path": one["path"], "location": one["location"]}
        text = json.dumps(one, ensure_ascii=False)
        assert not _LIBRARIES.search(text)
        assert not any(secret in text for secret in _SECRETS)


@needs_files
@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_a_person_reads(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FILES
    monkeypatch.setenv("LANGUAGE", "")  # put back afterwards
    use(language)
    for name, expected in EXPECTED.items():
        path = FILES / f"{name}.yaml"
        code, output = check(path, tmp_path)
        wrong = any(not one.endswith("check.same_device") for one in expected)
        assert code == (2 if wrong else 0), output
        assert not _LIBRARIES.search(output)
        assert not any(secret in output for secret in _SECRETS)
        for place in expected:
            line = next(one for one in output.splitlines() if f"{path}:{place.split()[0]}:" in one)
            assert line.endswith((".", "?", "。", "？"))
            japanese = re.search(r"[ぁ-んァ-ヶ一-龠]", line.replace("主幹", ""))
            assert (japanese is not None) is (language == "ja"), line
