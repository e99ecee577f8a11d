"""A printer through the whole gateway: read, explained, polled, with a daemon and without."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.templates import evidence
from drivers.report import (
    Clock,
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Reachability,
    Report,
    Severity,
)
from gateway.control.explain import explanation
from gateway.control.next_steps import NEXT_STEPS
from tests.gateway.box import Box, wait_for
from tests.gateway.meter import meter
from tests.peers import free_port
from tests.printer_walks import synthetic
from tests.snmp_peers import COMMUNITY, USER, UdpPeer, snmpd

SNMPD = pytest.mark.peer("snmpd", "snmpset")
V3 = "version=3&auth=sha256&auth_key=secret:auth&priv=aes128&priv_key=secret:priv"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "state")
    yield box
    box.kill()


@pytest.fixture
def printer() -> Iterator[UdpPeer]:
    with snmpd(synthetic("jam-tray-empty-toner-low")) as peer:
        yield peer


def url(peer: UdpPeer) -> str:
    return f"snmp://{COMMUNITY}@127.0.0.1:{peer.port}/?timeout_s=1"


def settings(device_url: str) -> str:
    return f"""\
version: 1
site: {{time_zone: Asia/Tokyo}}
cloud: {{broker: "mqtt://127.0.0.1:9"}}
devices:
  - {{name: copier, label: 3F copier, url: "{device_url}", every_s: 0.2}}
"""


def apply(box: Box, text: str) -> None:
    file = box.state.parent / "gateway.yaml"
    file.write_text(text)
    done = box.kanmon("config", "apply", str(file))
    assert done.returncode == 0, done.stderr


# --- read ---------------------------------------------------------------------------------------


@SNMPD
def test_a_printer_is_read_by_its_url(box: Box, printer: UdpPeer) -> None:
    report = box.kanmon_json("device", "read", url(printer))

    assert report["reachability"] == "online"
    assert report["state"] == "error"
    assert {c["code"] for c in report["conditions"]} == {"media.jam", "media.empty", "supply.low"}
    assert [s["level"] for s in report["supplies"]] == [60, 61, 62, 4, None]

    shown = box.kanmon("device", "read", url(printer)).stdout
    assert "Example Laser 4000 Color, serial number EX-0002" in shown
    assert "5000" in shown
    assert "4% (low)" in shown
    assert "(some left)" in shown


@SNMPD
def test_v3_takes_its_keys_from_the_box(box: Box, printer: UdpPeer) -> None:
    target = f"snmp://{USER.name}@127.0.0.1:{printer.port}/?{V3}&timeout_s=1"
    missing = box.kanmon("device", "read", target)
    assert missing.returncode == 2
    assert "kanmon secret set auth" in missing.stdout

    box.kanmon("secret", "set", "auth", given=f"{USER.authentication_key}\n")
    box.kanmon("secret", "set", "priv", given=f"{USER.privacy_key}\n")
    assert box.kanmon_json("device", "read", target)["identity"]["serial"] == "EX-0002"

    box.kanmon("secret", "set", "auth", given="another-key\n")
    wrong = box.kanmon("device", "read", target)
    assert wrong.returncode == 2
    assert "does not accept the user 'alice'" in " ".join(wrong.stdout.split())
    assert "another-key" not in wrong.stdout + wrong.stderr


@pytest.mark.parametrize(
    ("target", "explained_by", "words"),
    [
        ("snmp://127.0.0.1:{port}/", 0, " is closed"),
        ("snmp://printer.invalid/", 0, "cannot be resolved"),
        ("snmp:///", 2, "missing host"),
        ("snmp://h/?verson=1", 2, "did you mean version"),
        ("snmp://h/?verson=1&x=2", 2, "for example snmp://"),
        ("snmp://a%0ab/", 2, "unprintable"),
        ("snmp://a%1b%5d0;t/", 2, "unprintable"),
        ("snmp://%00@h/", 2, "unprintable"),
        ("snmp://h/?community=%1b", 2, "unprintable"),
        ("snmp://%c3%28@h/", 2, "not valid UTF-8"),
        ("snmp://h/?community=%ff", 2, "not valid UTF-8"),
        (f"snmp://{'a' * 300}/", 2, "more than 253"),
        ("printer://h/", 2, "no driver supports"),
    ],
)
def test_bad_targets_say_what_to_do(box: Box, target: str, explained_by: int, words: str) -> None:
    """A read that fails is 2; that there is no answer is something to explain."""
    for verb, code in (("read", 2), ("why", explained_by)):
        done = box.kanmon("device", verb, target.format(port=free_port()))

        assert words in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert done.returncode == code


@SNMPD
def test_nothing_is_written_to_a_printer(box: Box, printer: UdpPeer) -> None:
    done = box.kanmon("device", "write", url(printer), "anything", "1", "--yes")

    assert done.returncode == 2
    assert "devices of this kind have no writable settings" in done.stderr
    assert "the device's own web page" in done.stderr


# --- why ----------------------------------------------------------------------------------------


@SNMPD
@pytest.mark.req("C-17")
def test_each_condition_is_explained_with_its_evidence(box: Box, printer: UdpPeer) -> None:
    told = box.kanmon_json("device", "why", url(printer))

    jam = told["conditions"][0]
    assert (jam["code"], jam["severity"], jam["component"]) == ("media.jam", "error", "path 1")
    said = {entry["label"]: (entry["value"], entry["meaning"]) for entry in jam["evidence"]}
    assert said == {
        "prtAlertCode": ("8", "jam, class STOP, rated as error"),
        "prtAlertSeverityLevel": ("3", "critical"),
        "prtAlertTrainingLevel": ("4", "trained"),
        "prtAlertGroup": ("13", "mediaPath"),
        "prtAlertGroupIndex": ("1", ""),
        "prtAlertDescription": ("0x8e8682c382dc82e882c582b7", ""),
        "hrPrinterDetectedErrorState": ("0x2404", "bit 5, jammed, rated as error"),
    }
    assert jam["evidence"][-1]["address"] == "1.3.6.1.2.1.25.3.5.1.2.1"
    assert jam["next_id"] == "next_step.media_jam"

    shown = box.kanmon("device", "why", url(printer)).stdout
    assert "error: media.jam (paper path 1): 紙づまりです" in shown
    assert re.search(
        r"SNMP +prtAlertCode +1\.3\.6\.1\.2\.1\.43\.18\.1\.1\.7\.1\.11 +8 +jam,", shown
    )
    assert "next:  Remove the paper" in shown


@SNMPD
def test_the_daemon_tells_since_when(box: Box, printer: UdpPeer) -> None:
    apply(box, settings(url(printer)))
    box.start()
    wait_for("the printer", lambda: box.device("copier")["reachability"] == "online")
    first = box.kanmon_json("device", "why", "copier")["conditions"][0]["since"]
    wait_for(
        "time to pass",
        lambda: box.kanmon_json("device", "why", "copier")["conditions"][0]["for_s"] >= 1,
    )

    again = box.kanmon_json("device", "why", "copier")
    assert again["conditions"][0]["since"] == first
    assert box.kanmon_json("device", "why", url(printer))["device"] == "copier"
    assert "since: 20" in box.kanmon("device", "why", "copier").stdout

    printer.kill()
    wait_for("silence", lambda: box.device("copier")["reachability"] == "unreachable")
    silent = box.kanmon_json("device", "why", "copier")
    codes = [c["code"] for c in silent["conditions"]]
    assert "media.jam" in codes  # frozen: nobody said that it was cleared
    assert "comm.unreachable" in codes
    assert box.end() == 0


def _gravest(box: Box) -> str | None:
    """The code of the copier's gravest condition."""
    gravest = box.device("copier")["gravest"]
    return gravest["code"] if gravest else None


@SNMPD
def test_a_jam_that_is_cleared_is_cleared_through_the_gateway(box: Box) -> None:
    with snmpd(synthetic("idle-colour-laser")) as peer:
        apply(box, settings(url(peer)))
        box.start()
        wait_for("rest", lambda: box.device("copier")["state"] == "ready")
        told = box.kanmon_json("device", "why", "copier")["conditions"]
        grave = {c["code"] for c in told if c["severity"] != "info"}
        assert grave <= {"poll.late"}  # a busy machine may be late; the printer says nothing

        peer.set("1.3.6.1.2.1.25.3.2.1.5.1", "i", "5")
        peer.set("1.3.6.1.2.1.25.3.5.1.2.1", "x", "0400")
        # A poll may come between the two: the printer is then down, for a reason not yet given.
        wait_for("the jam", lambda: _gravest(box) == "media.jam")
        assert box.device("copier")["state"] == "error"

        peer.set("1.3.6.1.2.1.25.3.5.1.2.1", "x", "0000")
        peer.set("1.3.6.1.2.1.25.3.2.1.5.1", "i", "2")
        wait_for("rest again", lambda: box.device("copier")["state"] == "ready")
        assert box.end() == 0


@SNMPD
def test_it_is_explained_in_japanese_too(box: Box, printer: UdpPeer) -> None:
    shown = box.kanmon("--lang", "ja", "device", "why", url(printer)).stdout

    assert "：Cassette 2" in shown
    assert "out of paper" not in shown
    assert "用紙を補給し" in shown
    assert "（トレイ2）" in shown
    assert "（ブラックトナー）" in shown
    assert "inputMediaSupplyEmpty、分類STOP、重大度は警告" in shown  # as it came, and as read
    read = box.kanmon("--lang", "ja", "device", "read", url(printer)).stdout
    assert "消耗品" in read
    assert "残量あり" in read
    assert "シアン" in read


def test_a_name_nobody_has_is_told(box: Box) -> None:
    apply(box, settings("snmp://127.0.0.1:9/"))

    done = box.kanmon("device", "why", "printer")

    assert done.returncode == 2
    assert "device 'printer' is not configured" in done.stderr


def test_nothing_wrong_is_said_so(box: Box) -> None:
    with meter() as running:
        target = f"modbus-tcp://127.0.0.1:{running.port}/?unit=1&profile=eastron-sdm630"
        done = box.kanmon("device", "why", target)

    assert done.returncode == 0
    assert "There are no active conditions." in done.stdout


def test_what_a_register_says_names_the_profile_that_gives_it_meaning() -> None:
    register = Evidence(
        kind=EvidenceKind.REGISTER,
        address="holding 32008",
        value="0x2",
        meaning=evidence.REGISTER_BIT(bit=1),
        profile="huawei-sun2000-m1",
    )
    bit = Condition(
        code=Code.GRID_OVERVOLTAGE, severity=Severity.ERROR, evidence=(register,), since=2_000
    )
    late = Condition(code=Code.POLL_LATE, severity=Severity.WARNING)
    report = Report(
        device="inverter",
        at=65_000,
        clock=Clock(boot="0" * 32, offset=None),
        reachability=Reachability.ONLINE,
        conditions=(late, bit),
    )

    first, second = explanation(report)["conditions"]

    assert first["evidence"] == [
        {
            "kind": "register",
            "address": "holding 32008",
            "label": "",
            "value": "0x2",
            "meaning": "bit 1 is set",
            "meaning_id": "evidence.register_bit",
            "meaning_args": {"bit": 1},
            "profile": "huawei-sun2000-m1",
        }
    ]
    assert (first["for_s"], first["since"]) == (63, None)
    assert second["evidence"] == []
    assert second["next_id"] == NEXT_STEPS[Code.POLL_LATE].id


# --- secrets ------------------------------------------------------------------------------------


def test_a_secret_is_kept_for_the_gateway_alone(box: Box) -> None:
    assert box.kanmon_json("secret", "list") == []
    done = box.kanmon("secret", "set", "printers", given="hunter2hunter2\n")

    assert done.returncode == 0
    assert "hunter2" not in done.stdout + done.stderr
    file = box.state / "secrets" / "printers"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.read_text() == "hunter2hunter2\n"
    assert box.kanmon("secret", "list").stdout == "secret:printers\n"
    assert box.kanmon("secret", "remove", "printers").returncode == 0
    assert box.kanmon_json("secret", "list") == []


@pytest.mark.parametrize(
    ("call", "given", "words"),
    [
        (["set", "UPPER"], "x\n", "is not a valid name of a secret"),
        (["set", "../../etc/passwd"], "x\n", "is not a valid name of a secret"),
        (["set", "empty"], "", "is empty"),
        (["set", "long"], "x" * 5000, "more than 4096 bytes"),
        (["set", "odd"], "a\x07b\n", "unprintable characters"),
        (["set", "octets"], "a\udcffb\n", "unprintable characters"),
        (["remove", "absent"], "", "does not exist"),
        (["remove", "../config.yaml"], "", "does not exist"),
    ],
)
def test_bad_secrets_say_what_to_do(box: Box, call: list[str], given: str, words: str) -> None:
    done = box.kanmon("secret", *call, given=given)

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "configuration" not in done.stderr


def test_a_configuration_names_secrets_that_are_missing(box: Box) -> None:
    file = box.state.parent / "gateway.yaml"
    file.write_text(settings(f"snmp://a@192.0.2.7/?{V3}"))

    told = json.loads(box.kanmon("config", "check", str(file), "--json").stdout)

    assert told["usable"]
    said = [f["what"] for f in told["findings"]]
    missing = ["the secret 'auth' is not stored on this box"]
    assert said == [*missing, "the secret 'priv' is not stored on this box"]
    assert told["findings"][0]["path"] == "devices[0].url"
    assert "kanmon secret set auth" in told["findings"][0]["next"]


def test_a_configuration_names_secrets_that_are_none(box: Box) -> None:
    file = box.state.parent / "gateway.yaml"
    file.write_text(settings(f"snmp://a@192.0.2.7/?{V3}"))
    box.kanmon("secret", "set", "auth", given="authentic-8\n")
    (box.state / "secrets" / "auth").chmod(0o640)
    (box.state / "secrets" / "priv").symlink_to("/etc/hostname")

    told = json.loads(box.kanmon("config", "check", str(file), "--json").stdout)

    said = {f["what"]: f["next"] for f in told["findings"]}
    readable = "other users of this box can read the secret 'auth'"
    assert list(said) == [readable, "the secret 'priv' is not stored in a regular file"]
    assert "chmod 600" in said[readable]


def test_a_secret_that_cannot_be_used_says_why(box: Box) -> None:
    (box.state / "secrets").mkdir(parents=True)
    (box.state / "secrets" / "printers").symlink_to("/etc/hostname")

    done = box.kanmon("device", "read", "snmp://127.0.0.1:9/?community=secret:printers")

    assert done.returncode == 2
    assert "its file is a symbolic link" in " ".join(done.stdout.split())
    japanese = box.kanmon("--lang", "ja", "device", "read", "snmp://h/?community=secret:printers")
    assert "シンボリックリンク" in "".join(japanese.stdout.split())
