from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloud_link.topics import BOX_ID
from provisioning.identity import FILE, IdentityError, box_id


def test_the_id_is_made_once_and_kept(tmp_path: Path) -> None:
    box = box_id(tmp_path)
    assert re.fullmatch(r"b-[a-z2-7]{10}", box)
    assert BOX_ID.fullmatch(box)
    assert box_id(tmp_path) == box
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_who_comes_at_the_same_moment_gets_the_same_id(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(box_id, [tmp_path] * 64))) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"box": 5}', b'{"box": "b-UPPERCASE1"}', b"\xff\xfe"]
)
def test_a_damaged_file_is_an_error_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(IdentityError, match="damaged") as caught:
        box_id(tmp_path)
    assert str(tmp_path / FILE) in str(caught.value)
    assert "backup" in str(caught.value.next_step)
    assert (tmp_path / FILE).read_bytes() == content


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="--state"):
        box_id(tmp_path / "absent")


def test_what_later_versions_add_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"box": "b-abcdefghij", "new": 1}))
    assert box_id(tmp_path) == "b-abcdefghij"
