"""What the pages load: built once, found by the manifest, kept by browsers for good."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from portal.environment.state_folder import PACKAGE
from tests.console.calls import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.web.browsing import Running

BUILD = PACKAGE / "static" / "build"
FOREVER = "max-age=315360000, public, immutable"


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(portal: Running, path: str, **headers: str) -> Answer:
    link = http.client.HTTPConnection(urlsplit(portal.url).netloc, timeout=10)
    link.request("GET", path, headers=headers)
    answer = link.getresponse()
    found = {name.lower(): value for name, value in answer.getheaders()}
    body = answer.read()
    link.close()
    return Answer(status=answer.status, headers=found, body=body)


def named_in_templates() -> set[str]:
    texts = [path.read_text("utf-8") for path in PACKAGE.rglob("templates/**/*.html")]
    found = {name for text in texts for name in re.findall(r"{% static '([^']+)' %}", text)}
    return found | {"icons.svg", "inter-400.woff2", "inter-600.woff2"}


def test_a_page_loads_its_files_by_their_hash_and_may_keep_them(portal: Running) -> None:
    page = ask(portal, "/sign-in/")
    assert page.status == 200
    loaded = set(re.findall(r"""(?:href|src)="(/static/[^"#]+)""", page.body.decode()))
    assert loaded
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    manifest = json.loads((BUILD / "staticfiles.json").read_text())["paths"]
    assert named_in_templates() <= manifest.keys()
    assert loaded <= {f"/static/{hashed}" for hashed in manifest.values()}
    for hashed in manifest.values():
        answer = ask(portal, f"/static/{hashed}", **{"Accept-Encoding": "gzip"})
        assert (answer.status, answer.headers["cache-control"]) == (200, FOREVER)
        packed = answer.headers.get("content-encoding") == "gzip"
        assert packed != hashed.endswith((".woff2", ".webp")), "fonts and pictures are compressed"
        body = gzip.decompress(answer.body) if packed else answer.body
        assert body == (BUILD / hashed).read_bytes()
        assert ask(portal, f"/static/{hashed}").body == (BUILD / hashed).read_bytes()


def test_a_name_without_its_hash_is_asked_for_again(portal: Running) -> None:
    assert ask(portal, "/static/app.css").headers["cache-control"] == "max-age=60, public"


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static/none.css", "/static/app.0123456789ab.css", "/static/../settings.py"],
)
def test_a_file_that_is_not_there_is_answered_404(portal: Running, path: str) -> None:
    assert ask(portal, path).status == 404


def test_the_licences_of_what_is_packaged_lie_beside_it(portal: Running) -> None:
    for package in json.loads((ROOT / "package.json").read_text())["dependencies"]:
        assert (BUILD / f"LICENSE.{package.rpartition('/')[2]}.txt").stat().st_size > 500


def test_a_source_map_that_is_not_packaged_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "some.js").write_text("done();\n//# sourceMappingURL=some.js.map\n")
    code = (
        "import pathlib, runpy, sys; assets = runpy.run_path('scripts/assets'); "
        "assets['collect'].__globals__['BUILD'] = pathlib.Path(sys.argv[2]); "
        "assets['collect'](pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "build")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "some.js.map" in done.stderr
    (tmp_path / "some.js.map").write_text("{}")
    subprocess.run(command, cwd=ROOT, check=True)
    (hashed,) = (tmp_path / "build").glob("some.*.js")
    assert re.search(r"sourceMappingURL=some\.js\.[0-9a-f]{12}\.map", hashed.read_text())


def test_what_was_built_is_current(portal: Running, tmp_path: Path) -> None:
    command = [sys.executable, "scripts/assets", "--check"]
    assert subprocess.run(command, cwd=ROOT, env=environment(tmp_path), check=False).returncode == 0
