"""Root in a folder that belongs to somebody else, who has planted links there."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.private import ExposedError
from gateway.control.audit import append
from gateway.install.privileges import (
    UNREADABLE_PROGRAM,
    UnreadableProgramError,
    UntrustedPathError,
    run_as_owner,
)
from provisioning import enrolment_store
from tests.gateway.box import Box
from tests.provisioning.claim_server import ClaimServer, serving

CONFIGURATION = "version: 1\nsite: {time_zone: Asia/Tokyo}\ndevices: []\n"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A state folder of a service account's, and a place of root's.

    Attributes:
        box: On that folder.
        account: Who owns it.
        treasure: A folder of root's with a file in it, ``secret``.
    """

    box: Box
    account: pwd.struct_passwd
    treasure: Path

    @property
    def state(self) -> Path:
        return self.box.state

    def plant(self, at: str, target: Path) -> None:
        """A link, as the service account would make it."""
        link = self.state / at
        link.parent.mkdir(mode=0o700, exist_ok=True)
        link.symlink_to(target)
        for path in (link.parent, link):
            self.give(path)

    def give(self, path: Path) -> None:
        os.chown(path, self.account.pw_uid, self.account.pw_gid, follow_symlinks=False)

    def untouched(self) -> bool:
        found = {path.name: path.stat() for path in self.treasure.iterdir()}
        kept = {(one.st_uid, one.st_mode & 0o777) for one in found.values()}
        return (
            found.keys() == {"secret"}
            and kept == {(0, 0o600)}
            and (self.treasure / "secret").read_text() == "root's own\n"
            and self.treasure.stat().st_uid == 0
        )


@pytest.fixture
def site() -> Iterator[Site]:
    if os.geteuid() != 0:
        pytest.skip("not root: that root takes the owner's rights was NOT tried")
    place = Path(tempfile.mkdtemp(prefix="kanmon-owner-"))
    try:
        place.chmod(0o755)
        if any(not path.stat().st_mode & 0o001 for path in place.parents):
            pytest.skip(f"nobody can reach {place}: that root takes its rights was NOT tried")
        treasure, state = place / "treasure", place / "state"
        treasure.mkdir(mode=0o755)  # which others may even look into
        (treasure / "secret").write_text("root's own\n")
        (treasure / "secret").chmod(0o600)
        state.mkdir(mode=0o700)
        found = Site(box=Box(state), account=pwd.getpwnam("nobody"), treasure=treasure)
        found.give(state)
        yield found
    finally:
        shutil.rmtree(place)


def test_root_has_the_owners_rights_and_no_others(site: Site) -> None:
    before = (os.getresuid(), os.getresgid(), os.getgroups())
    with run_as_owner(site.state):
        assert os.geteuid() == site.account.pw_uid
        assert os.getegid() == site.account.pw_gid
        assert set(os.getgroups()) == {site.account.pw_gid}
        with pytest.raises(PermissionError):
            (site.treasure / "secret").read_text()
    with pytest.raises(KeyError), run_as_owner(site.state):
        raise KeyError
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


def test_a_folder_that_is_not_there_yet_is_its_parents_owners(site: Site) -> None:
    folder = site.state / "new" / "er"
    with run_as_owner(folder):
        assert os.geteuid() == site.account.pw_uid
    assert folder.stat().st_uid == site.account.pw_uid
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_may_be_made_where_everybody_may_but_nobody_can_exchange_it(site: Site) -> None:
    site.treasure.chmod(0o1777)  # as /tmp is
    folder = site.treasure / "new"
    with run_as_owner(folder):
        assert os.geteuid() == 0
    assert folder.stat().st_uid == 0


def test_in_roots_own_folder_root_stays_root(site: Site) -> None:
    site.treasure.chmod(0o700)
    with run_as_owner(site.treasure):
        assert os.geteuid() == 0


def test_a_folder_that_others_look_into_is_closed_by_its_owner(site: Site) -> None:
    site.state.chmod(0o755)
    with run_as_owner(site.state):
        assert site.state.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ExposedError), run_as_owner(site.treasure):
        pytest.fail("it holds what is not the gateway's")
    assert site.treasure.stat().st_mode & 0o777 == 0o755


def test_a_link_of_roots_own_is_followed(site: Site) -> None:
    link = site.treasure.parent / "link"
    link.symlink_to(site.state)
    with run_as_owner(link):
        assert os.geteuid() == site.account.pw_uid


def _in_anothers_folder(site: Site) -> Path:
    between = site.treasure.parent / "between"
    between.mkdir()
    os.chown(between, site.account.pw_uid - 1, -1)
    site.state.rename(between / "state")
    return between / "state"


def _behind_anothers_link(site: Site) -> Path:
    link = site.treasure.parent / "link"
    link.symlink_to(site.treasure)
    site.give(link)
    return link


def _below_a_link_of_the_accounts(site: Site) -> Path:
    site.plant("sub", site.treasure)
    return site.state / "sub"


def _open_to_all(site: Site) -> Path:
    site.treasure.chmod(0o1777)
    return site.treasure


def _below_what_is_open_to_all(site: Site) -> Path:
    site.treasure.chmod(0o777)
    (site.treasure / "state").mkdir()
    return site.treasure / "state"


def _open_to_a_group_of_others(site: Site) -> Path:
    """As `install -d -m 770 -g` leaves it below a folder that gives its group on."""
    parent = site.treasure.parent / "parent"
    parent.mkdir()
    os.chown(parent, 0, site.account.pw_gid)
    parent.chmod(0o2755)
    (parent / "state").mkdir()
    (parent / "state").chmod(0o770)
    return parent / "state"


def _below_what_is_open_to_a_group(site: Site) -> Path:
    parent = site.treasure.parent / "parent"
    parent.mkdir()
    os.chown(parent, 0, 12)
    parent.chmod(0o2775)
    site.state.rename(parent / "state")
    return parent / "state"


@pytest.mark.parametrize(
    "where",
    [
        _open_to_a_group_of_others,
        _below_what_is_open_to_a_group,
        _in_anothers_folder,
        _behind_anothers_link,
        _below_a_link_of_the_accounts,
        _open_to_all,
        _below_what_is_open_to_all,
    ],
)
def test_where_a_third_account_decides_root_does_nothing(
    site: Site, where: Callable[[Site], Path]
) -> None:
    with pytest.raises(UntrustedPathError), run_as_owner(where(site)):
        pytest.fail("it goes on")


def test_root_enrols_a_box_for_the_account_it_runs_as(site: Site) -> None:
    with serving(ClaimServer()) as endpoint:
        done = site.box.kanmon("enroll", str(endpoint.key), "--consent", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        again = site.box.kanmon("enroll", str(endpoint.key), "--consent", "--json")
    assert again.stdout == done.stdout
    assert enrolment_store.load(site.state) is not None
    for path in site.state.rglob("*"):
        found = path.stat()
        assert (found.st_uid, found.st_gid) == (site.account.pw_uid, site.account.pw_gid)
        assert found.st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)


HIDDEN = """
import os, sys

class Hidden:
    \"\"\"What Python finds in a folder that only root may look into.\"\"\"

    def find_spec(self, name, path, target=None):
        if os.geteuid() != 0:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""


@pytest.fixture
def hidden(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The same, where nothing more can be loaded once root's rights are given up."""
    place = site.treasure.parent / "python"
    place.mkdir()
    (place / "sitecustomize.py").write_text(HIDDEN)
    monkeypatch.setenv("PYTHONPATH", str(place))
    return site


def test_what_enrolling_needs_is_loaded_while_root_can_read_it(hidden: Site) -> None:
    with serving(ClaimServer()) as endpoint:
        done = hidden.box.kanmon("enroll", str(endpoint.key), "--consent", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert enrolment_store.load(hidden.state) is not None


def test_what_the_other_commands_need_is_loaded_as_well(hidden: Site) -> None:
    file = hidden.treasure.parent / "site.yaml"
    file.write_text(CONFIGURATION)
    for words in (("config", "apply", str(file)), ("secret", "set", "meter"), ("secret", "list")):
        done = hidden.box.kanmon(*words, "--json", given="word\n")
        assert done.returncode == 0, done.stdout + done.stderr
    done = hidden.box.kanmon("secret", "remove", "meter", "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_installation_that_the_owner_cannot_read_is_told(site: Site) -> None:
    from gateway.cli.common import description

    with pytest.raises(UnreadableProgramError) as raised, run_as_owner(site.state):
        raise ModuleNotFoundError("No module named 'cryptography.x509'")
    told = description(raised.value)
    assert told is not None
    assert told.what == UNREADABLE_PROGRAM(uid=site.account.pw_uid)
    assert "in a folder that every account can read" in str(told.next)
    # Root can: then something is really missing.
    site.treasure.chmod(0o700)
    with pytest.raises(ModuleNotFoundError), run_as_owner(site.treasure):
        raise ModuleNotFoundError("No module named 'cryptography.x509'")


@pytest.mark.parametrize("target", ["", "secret", "new"])
@pytest.mark.parametrize(
    "at",
    [
        "identity",
        "box.json",
        ".enrol.lock",
        "identity/key.pem",
        "identity/key.pem.new",
        "identity/enrolment.json",
        "identity/enrolment.json.new",
    ],
)
def test_what_the_account_has_planted_leads_root_nowhere(site: Site, at: str, target: str) -> None:
    site.plant(at, site.treasure / target)
    with serving(ClaimServer()) as endpoint:
        done = site.box.kanmon("enroll", str(endpoint.key), "--consent", "--json")
    assert site.untouched()
    # A draft's name is the program's own, and renaming replaces a link to nothing.
    if at.endswith(".new") or (at, target) == ("identity/enrolment.json", "new"):
        assert done.returncode == 0, done.stdout + done.stderr
        return
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["number"] in {2401, 2403, 2406}


def test_a_folder_of_a_third_accounts_is_told(site: Site) -> None:
    box = Box(_in_anothers_folder(site))
    with serving(ClaimServer()) as endpoint:
        done = box.kanmon("enroll", str(endpoint.key), "--consent", "--json")
    assert json.loads(done.stdout)["error"]["number"] == 2406
    assert not endpoint.calls
    assert not list(box.state.iterdir())


@pytest.mark.parametrize("at", ["config.yaml.new", "config.yaml", "config.previous.yaml"])
def test_a_configuration_is_applied_with_the_owners_rights(site: Site, at: str) -> None:
    site.plant(at, site.treasure / "secret")
    file = site.treasure.parent / "site.yaml"
    file.write_text(CONFIGURATION)
    done = site.box.kanmon("config", "apply", str(file), "--json")
    assert site.untouched()
    assert done.returncode == 0, done.stdout + done.stderr
    found = (site.state / "config.yaml").lstat()
    assert (found.st_uid, found.st_mode & 0o777) == (site.account.pw_uid, 0o600)


def test_the_audit_is_the_accounts_and_no_link_to_another_file(site: Site) -> None:
    append(site.state, action="write", outcome="attempted", who="root")
    append(site.state, action="write", outcome="attempted", who="root")
    path = site.state / "audit.jsonl"
    assert path.stat().st_uid == site.account.pw_uid
    assert len(path.read_text().splitlines()) == 2
    path.unlink()
    site.plant("audit.jsonl", site.treasure / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        append(site.state, action="write", outcome="attempted", who="root")
    path.unlink()
    path.hardlink_to(site.treasure / "secret")
    with pytest.raises(PermissionError, match="Operation not permitted"):
        append(site.state, action="write", outcome="attempted", who="root")
    assert site.untouched()


def test_root_does_not_run_the_daemon_in_the_folder_of_another_account(site: Site) -> None:
    """What root makes there, the spool's files among them, its owner could not open again."""
    settings = site.state / "config.yaml"
    settings.write_text("version: 1\nsite: {time_zone: UTC}\n")
    settings.chmod(0o600)
    site.give(settings)
    done = site.box.kanmon("run")
    assert done.returncode == 2, done.stderr
    assert "belongs to another account" in done.stderr
    assert [path.name for path in site.state.iterdir()] == ["config.yaml"]
