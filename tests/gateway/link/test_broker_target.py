"""Which broker a box goes to, and as whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cloud_link.mqtt.broker import Identity, UnusableIdentityError
from config.model import Cloud
from gateway.link.broker_target import NoBrokerError, enrolment_revision, resolve_broker
from provisioning import enrolment_store
from provisioning.codes import Code, CodedError
from tests.named import Authority, enrolled

BOX = "b-aaaaaaaaaa"
MQTTS = "mqtts://broker.example.com:8883"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Authority.make(tmp_path_factory.mktemp("authority")).name(BOX)


@pytest.fixture
def state(tmp_path: Path, identity: Identity) -> Path:
    """An enrolled box's."""
    enrolled(tmp_path, identity, BOX, MQTTS)
    return tmp_path


def test_an_enrolled_box_goes_by_its_certificate_where_it_was_sent(state: Path) -> None:
    address = resolve_broker(state, BOX, Cloud()).to_broker()
    assert (address.name, address.version) == (MQTTS, 5)
    assert (address.username, address.password) == (None, None)
    assert address.tls is not None
    # Nobody but the portal's own root is believed, whatever the system believes.
    (root,) = address.tls.get_ca_certs()
    assert root["subject"] == ((("commonName", "boxes"),),)


@pytest.mark.parametrize(
    ("cloud", "name"),
    [
        (Cloud(broker="mqtts://elsewhere.example"), "broker"),
        (Cloud(broker=MQTTS), "broker"),
        (Cloud(broker=MQTTS, username="me"), "broker"),
        (Cloud(mqtt="3.1.1"), "mqtt"),
    ],
)
def test_an_enrolled_box_follows_no_file_elsewhere(state: Path, cloud: Cloud, name: str) -> None:
    with pytest.raises(NoBrokerError, match=rf"cloud\.{name}.*Remove the cloud section"):
        resolve_broker(state, BOX, cloud)


def test_who_is_not_enrolled_goes_as_configured_or_is_told_how_to_begin(tmp_path: Path) -> None:
    target = resolve_broker(tmp_path, BOX, Cloud(broker="mqtt://h", mqtt="3.1.1", username="me"))
    assert (target.to_broker().name, target.version, target.username) == ("mqtt://h:1883", 4, "me")
    assert not target.enrolled
    with pytest.raises(NoBrokerError, match="kanmon enroll"):
        resolve_broker(tmp_path, BOX, Cloud())


def test_a_plain_broker_is_for_this_machine_only(tmp_path: Path, identity: Identity) -> None:
    enrolled(tmp_path, identity, BOX, "mqtt://192.0.2.7:1883")
    with pytest.raises(NoBrokerError, match="KANMON_BOX_BROKER"):
        resolve_broker(tmp_path, BOX, Cloud())
    enrolled(tmp_path, identity, BOX, "mqtt://127.0.0.1:1883", mqtt="3.1.1")
    target = resolve_broker(tmp_path, BOX, Cloud(mqtt="3.1.1"))
    assert (target.to_broker().tls, target.version, target.enrolled) == (None, 4, True)


def test_another_boxs_name_is_not_taken(state: Path) -> None:
    with pytest.raises(CodedError) as caught:
        resolve_broker(state, "b-bbbbbbbbbb", Cloud())
    assert caught.value.code is Code.DAMAGED


def test_files_that_will_not_do_are_named(state: Path, identity: Identity) -> None:
    key = enrolment_store.key_path(state)
    target = resolve_broker(state, BOX, Cloud())
    key.write_text("nonsense")
    with pytest.raises(UnusableIdentityError, match=r"key\.pem cannot be used together"):
        target.to_broker()
    key.unlink()
    with pytest.raises(
        UnusableIdentityError, match=r"key\.pem: the file cannot be read; no such file"
    ):
        target.to_broker()
    trust = state / "nothing.pem"
    trust.write_text("nonsense")
    with pytest.raises(
        UnusableIdentityError, match=r"nothing\.pem: the file contains no certificate"
    ):
        Identity(certificate=identity.certificate, key=identity.key, trust=trust).context()


def test_a_new_name_is_noticed(state: Path, identity: Identity) -> None:
    before = enrolment_revision(state)
    assert before is not None
    assert enrolment_revision(state) == before
    enrolled(state, identity, BOX, "mqtts://other.example.com")
    assert enrolment_revision(state) != before
    assert enrolment_revision(state / "nowhere") is None


def test_the_daemon_carries_no_cryptography_for_it(state: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "import gateway.daemon\n"
        "from config.model import Cloud; from gateway.link.broker_target import resolve_broker\n"
        f"assert resolve_broker(Path({str(state)!r}), {BOX!r}, Cloud()).to_broker().tls\n"
        "assert 'cryptography' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
