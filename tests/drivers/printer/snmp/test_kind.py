"""URLs of printers, good and bad."""

from __future__ import annotations

import pytest

from drivers.device_url import DeviceUrl
from drivers.modbus.profile_store import LoadedProfiles
from drivers.registry import DRIVERS


def problems(text: str) -> list[str]:
    found = DRIVERS["snmp"].check(DeviceUrl.parse(text), LoadedProfiles())
    return list(map(str, found))


@pytest.mark.parametrize(
    "text",
    [
        "snmp://192.0.2.7",
        "snmp://floor3@192.0.2.7:1161/?version=1&timeout_s=5",
        "snmp://[2001:db8::7]/?community=secret:printers",
        "snmp://alice@printer/?version=3",
        "snmp://a@h/?version=3&auth=sha256&auth_key=secret:a&priv=aes128&priv_key=secret:p",
    ],
)
def test_urls_that_name_a_printer(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "words_told"),
    [
        ("snmp:///", "missing host"),
        ("snmp://h:0/", "invalid port '0'"),
        ("snmp://h/x", "the path '/x' has no meaning"),
        ("snmp://h/?version=4", "version=4 is not valid. Use one of 1, 2c and 3."),
        ("snmp://h/?verson=3", "Did you mean version?"),
        ("snmp://h/?timeout_s=never", "is not a number from 0.05 to 30"),
        ("snmp://h/?version=3", "missing user"),
        ("snmp://a@h/?version=3&community=b", "does not use a community"),
        ("snmp://a@h/?version=3&auth=sha3&auth_key=secret:a", "Use one of md5"),
        ("snmp://a@h/?version=3&auth=sha256", "auth and auth_key must be given together"),
        ("snmp://a@h/?version=3&priv=aes128&priv_key=secret:a", "priv requires auth"),
        ("snmp://a@h/?auth=sha&auth_key=secret:a", "auth requires version=3"),
        ("snmp://a@h/?community=b", "given twice"),
        ("snmp://h/?community=secret:UPPER", "community is not a reference to a secret"),
    ],
)
def test_urls_that_do_not(text: str, words_told: str) -> None:
    assert words_told in "; ".join(problems(text))


@pytest.mark.parametrize(
    "text",
    [
        "snmp://alice:hunter2hunter2@h/?version=3",
        "snmp://a@h/?version=3&auth=sha256&auth_key=hunter2hunter2",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(text: str) -> None:
    told_problems = "; ".join(problems(text))

    assert "secret:NAME" in told_problems
    assert "hunter2" not in told_problems
