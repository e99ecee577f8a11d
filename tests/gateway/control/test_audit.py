from __future__ import annotations

import json
from pathlib import Path

from gateway.control import audit


def test_a_name_that_is_not_utf_8_is_kept(tmp_path: Path) -> None:
    name = b"j\xf6rg".decode("utf-8", "surrogateescape")
    audit.append(tmp_path, action="write", outcome="attempted", who=name)
    (line,) = (tmp_path / audit.NAME).read_text("utf-8").splitlines()
    assert json.loads(line)["who"] == name
