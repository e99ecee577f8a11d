from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from gateway.version import software


def test_the_version_is_that_of_the_installation() -> None:
    software.cache_clear()
    assert software() == version("kanmon")


def test_a_plain_folder_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "archive.zip").write_bytes(b"")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "archive.zip"), "/nonexistent"])
    software.cache_clear()
    assert software() == "0"
    (tmp_path / "kanmon-1.2.3.dist-info").mkdir()
    software.cache_clear()
    assert software() == "1.2.3"
    software.cache_clear()
