"""A private key that others could read is not used, and not made to look as if they could not."""

from __future__ import annotations

import grp
import os
import pwd
from contextlib import suppress
from pathlib import Path

import pytest

from config.disk import LocalDisk, replace_file
from provisioning import enrolment_store, file_permissions
from provisioning.codes import Code, CodedError
from provisioning.enrol import enrol
from tests.provisioning.claim_server import ClaimServer, serving
from tests.provisioning.test_enrol import code_of, enrol_request


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o640, 0o601, 0o644, 0o777])
@pytest.mark.parametrize("enrolled", [False, True])
def test_a_key_that_others_could_read_is_refused_and_left_as_it_is(
    tmp_path: Path, mode: int, enrolled: bool
) -> None:
    with serving(ClaimServer()) as endpoint:
        enrol(enrol_request(endpoint, tmp_path))
        path = enrolment_store.key_path(tmp_path)
        before = path.read_bytes()
        if not enrolled:
            (enrolment_store.folder(tmp_path) / enrolment_store.FILE).unlink()
        path.chmod(mode)
        endpoint.calls.clear()
        with pytest.raises(CodedError) as caught:
            enrol(enrol_request(endpoint, tmp_path))
        assert not endpoint.calls, "nothing is claimed with it"
        assert caught.value.code is Code.KEY_EXPOSED
        assert caught.value.where == str(path)
        assert f"{mode:04o}" in str(caught.value.why)
        assert path.stat().st_mode & 0o777 == mode
        assert path.read_bytes() == before
        path.chmod(0o600)  # as the next step says
        enrol(enrol_request(endpoint, tmp_path))
    assert len(endpoint.given) == 1


def test_a_key_of_another_accounts_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: a key of another account's was NOT tried")
    path = tmp_path / "key.pem"
    path.touch(0o600)
    os.chown(path, 65_534, 65_534)
    with pytest.raises(CodedError) as caught:
        file_permissions.read(path)
    assert caught.value.code is Code.KEY_EXPOSED


def test_a_link_a_pipe_and_a_folder_are_no_key(tmp_path: Path) -> None:
    with serving(ClaimServer()) as endpoint:
        enrol(enrol_request(endpoint, tmp_path))
        path, elsewhere = enrolment_store.key_path(tmp_path), tmp_path / "elsewhere"
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        assert code_of(enrol_request(endpoint, tmp_path)) is Code.UNTRUSTED_PATH
        path.unlink()
        os.mkfifo(path, 0o600)
        assert code_of(enrol_request(endpoint, tmp_path)) is Code.UNTRUSTED_PATH
        path.unlink()
        path.mkdir()
        assert code_of(enrol_request(endpoint, tmp_path)) is Code.UNTRUSTED_PATH


def test_an_identity_folder_that_is_a_link_or_open_to_others_is_refused(tmp_path: Path) -> None:
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    state.mkdir()
    elsewhere.mkdir(mode=0o700)
    folder = enrolment_store.folder(state)
    folder.symlink_to(elsewhere)
    with serving(ClaimServer()) as endpoint:
        assert code_of(enrol_request(endpoint, state)) is Code.UNTRUSTED_PATH
        assert not list(elsewhere.iterdir())
        folder.unlink()
        folder.mkdir()
        folder.chmod(0o772)
        assert code_of(enrol_request(endpoint, state)) is Code.UNTRUSTED_PATH
        assert not list(folder.iterdir())
    assert not endpoint.calls


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49"])
def test_what_an_interrupted_run_left_is_no_key_and_is_removed(
    tmp_path: Path, content: bytes
) -> None:
    folder = enrolment_store.folder(tmp_path)
    folder.mkdir(mode=0o700)
    drafts = [folder / f"{name}.new" for name in ("key.pem", "enrolment.json", "trust-0.pem")]
    drafts.append(tmp_path / ".box-k3j2h1")
    for path in drafts:
        path.write_bytes(content)
        path.chmod(0o644)
    with serving(ClaimServer()) as endpoint:
        kept = enrol(enrol_request(endpoint, tmp_path))
    assert not [path for path in drafts if path.exists()]
    assert enrolment_store.load(tmp_path) == kept


def test_leftovers_go_even_where_enrolling_fails(tmp_path: Path) -> None:
    folder = enrolment_store.folder(tmp_path)
    folder.mkdir(mode=0o700)
    (folder / "key.pem.new").write_bytes(b"half")
    assert code_of(enrol_request(ClaimServer(port=1), tmp_path)) is Code.NO_CONNECTION
    assert {path.name for path in folder.iterdir()} == {"key.pem"}


def test_who_holds_the_leftover_open_does_not_see_the_next_key(tmp_path: Path) -> None:
    draft = tmp_path / "key.pem.new"
    draft.write_bytes(b"half")
    draft.chmod(0o644)
    with draft.open("rb") as held:
        replace_file(LocalDisk(), tmp_path / "key.pem", b"secret")
        assert held.read() == b"half"
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_link_in_the_drafts_place_is_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    (tmp_path / "key.pem.new").symlink_to(target)
    replace_file(LocalDisk(), tmp_path / "key.pem", b"secret")
    assert target.read_bytes() == b"theirs"
    assert (tmp_path / "key.pem").read_bytes() == b"secret"
    assert not (tmp_path / "key.pem").is_symlink()


def person(name: str, uid: int, gid: int) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", uid, gid, "", "/", "/bin/sh"))


def group(name: str, gid: int, *members: str) -> grp.struct_group:
    return grp.struct_group((name, "x", gid, list(members)))


ROOT, KANMON, OTHER = person("root", 0, 0), person("kanmon", 990, 990), person("other", 991, 991)


@pytest.mark.parametrize(
    ("users", "groups", "alone"),
    [
        ([ROOT, KANMON], [group("kanmon", 990)], True),
        ([ROOT, KANMON], [group("kanmon", 990, "kanmon", "root")], True),
        ([ROOT, KANMON, OTHER], [group("kanmon", 990, "other")], False),
        ([ROOT, KANMON, person("other", 991, 990)], [group("kanmon", 990)], False),
        ([ROOT, KANMON], [group("kanmon", 990, "gone")], False),
        # Nobody's first group: who may enter it does not stand anywhere.
        ([ROOT, person("kanmon", 990, 100)], [group("staff", 990, "kanmon")], False),
        ([ROOT], [], False),
    ],
)
def test_a_group_does_no_harm_where_it_is_one_accounts_own(
    users: list[pwd.struct_passwd], groups: list[grp.struct_group], alone: bool
) -> None:
    known = file_permissions.Accounts(users=tuple(users), groups=tuple(groups))
    assert known.group_is_trusted(990, {0, 990}) is alone


def test_a_folder_of_a_group_with_others_in_it_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    folder.mkdir()
    folder.chmod(0o770)
    with suppress(PermissionError):  # as whoever may give it to a group that is not theirs
        os.chown(folder, -1, 12)
    known = file_permissions.Accounts(users=tuple(pwd.getpwall()), groups=tuple(grp.getgrall()))
    if known.group_is_trusted(folder.stat().st_gid, {0, os.geteuid()}):
        file_permissions.check_folder(folder)
        return
    with pytest.raises(CodedError, match=r"mode 0770: the group \S+ can write to it"):
        file_permissions.check_folder(folder)
