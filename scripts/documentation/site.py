"""The documentation as a site: staged beside its sources, built by Sphinx, warnings as errors.

The pages are written to be read in the repository, so their links go by the repository's folders.
The site keeps these: pages and the files they link to are copied as they lie, and only the first
page gets what a site needs besides, its table of contents.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from scripts.documentation import links

SECTIONS: Final = {
    "Tutorial": ["tutorial/*"],
    "How-to": ["add-a-device", "how-to/*"],
    "Explanation": ["architecture", "explanation/*", "security", "benchmarks"],
    "Reference": ["reference/*"],
    "Decisions": ["adr/*"],
    "Project": ["../README", "../CONTRIBUTING", "../SECURITY"],
}
_OUTSIDE: Final = re.compile(
    r"<(?:script|link|img|iframe|source)[^>]+(?:src|href)=\"(?:https?:)?//"
)
JAPANESE: Final = ".ja.md"
_WIDE: Final = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
FIRST: Final = """<!doctype html><meta charset="utf-8"><title>Kanmon</title>
<meta http-equiv="refresh" content="0; url=docs/index.html"><a href="docs/index.html">Kanmon</a>
"""


def build(root: Path, work: Path) -> Path:
    """Build the site of the project at ``root`` in ``work`` and return its folder.

    Raises:
        RuntimeError: It could not be built without a warning, or it would load from elsewhere.
    """
    source, site = work / "source", work / "site"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(site, ignore_errors=True)
    _stage(root, source)
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q"]
    command += ["-c", str(Path(__file__).parent), "-d", str(work / "doctrees")]
    done = subprocess.run(
        [*command, str(source), str(site)],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, "LANGUAGE": "en"},
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or done.stdout.strip())
    for page in site.rglob("*.ja.html"):  # else a browser may choose another language's glyphs
        shown = page.read_text("utf-8").replace('lang="en"', 'lang="ja"', 1)
        page.write_text(shown, encoding="utf-8")
    (site / "index.html").write_text(FIRST, encoding="utf-8")
    outside = [p.name for p in site.rglob("*.html") if _OUTSIDE.search(p.read_text("utf-8"))]
    if outside:
        raise RuntimeError(f"these pages load from another host: {', '.join(sorted(outside))}")
    return site


def _stage(root: Path, source: Path) -> None:
    for page in links.sources(root):
        wanted = [page]
        for target in links.targets(page):
            parts = urlsplit(target)
            there = (page.parent / unquote(parts.path)).resolve()
            if not parts.scheme and parts.path and there.is_file():
                wanted.append(there)
        for path in wanted:
            copy = source / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            if path.name.endswith(JAPANESE):
                copy.write_text(joined(copy.read_text("utf-8")), encoding="utf-8")
    index = source / "docs" / "index.md"
    trees = [_tree(name, entries) for name, entries in SECTIONS.items()]
    index.write_text(index.read_text("utf-8") + "\n" + "\n".join(trees), encoding="utf-8")


def joined(text: str) -> str:
    """Markdown whose lines of Japanese are one: a browser would put a blank where each ended."""
    lines: list[str] = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        code = before.startswith("    ") or line.startswith("    ")
        if not code and _WIDE.fullmatch(before[-1:]) and _WIDE.fullmatch(line.lstrip()[:1]):
            lines[-1] = before + line.lstrip()
        else:
            lines.append(line)
    return "\n".join(lines)


def _tree(name: str, entries: list[str]) -> str:
    listed = "\n".join(entries)
    return f"```{{toctree}}\n:caption: {name}\n:hidden:\n:glob:\n\n{listed}\n```\n"
