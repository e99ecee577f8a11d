"""What a state folder holds, by the modules that keep it there."""

from __future__ import annotations

from config import secrets, store
from gateway.configuration.loader import PROFILES
from provisioning import enrolment_store, identity
from provisioning.state_folder import CONTENTS, SPOOL


def test_a_state_folder_is_known_by_what_is_kept_in_it() -> None:
    kept = {store.RUNNING, store.PREVIOUS, secrets.FOLDER, identity.FILE, PROFILES, SPOOL}
    assert kept | {enrolment_store.FOLDER} == CONTENTS
