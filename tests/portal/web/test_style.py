"""The style is drawn with the tokens: five sizes, two weights, six spaces, one font of our own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from portal.environment.state_folder import PACKAGE
from tests import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.portal.web.browsing import Running

SOURCES: Final = PACKAGE / "static" / "src" / "style"
DECLARED: Final = re.compile(r"(?<=[\s{;])([a-z-]+):\s*([^;{}]+)(?=[;}])")
DRAWN: Final = re.compile(r"^\.donut")
"""Letters within a drawing have the drawing's own measures."""


def declarations() -> Iterator[tuple[str, str, str]]:
    """(line, property, value) of the style, but of the tokens themselves."""
    for path in sorted(SOURCES.glob("*.css")):
        if path.name == "tokens.css":
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            for name, value in DECLARED.findall(line):
                if not DRAWN.match(line.strip()):
                    yield f"{path.name}:{number}", name, value


def test_there_are_five_sizes_of_type_and_two_weights() -> None:
    tokens = (SOURCES / "tokens.css").read_text("utf-8")
    sizes = re.findall(r"--text-(\d+): ([\d.]+)rem;", tokens)
    assert {int(px): float(rem) * 16 for px, rem in sizes} == {
        each: each for each in (12, 14, 16, 20, 28)
    }
    seen = list(declarations())
    assert len(seen) > 500, "the control: they are found"
    odd = [
        one
        for one in seen
        if (one[1] == "font-size" and not re.fullmatch(r"var\(--text-\d+\)|inherit", one[2]))
        or (one[1] == "font-weight" and one[2] not in {"400", "600", "inherit"})
    ]
    assert not odd


def test_spaces_are_those_of_the_tokens_and_nothing_casts_a_shadow() -> None:
    spaced = re.compile(r"(?:padding|margin|gap|row-gap|column-gap)")
    free = re.compile(r"(?<![\w-])\d*\.?\d+r?em\b")
    odd = [one for one in declarations() if spaced.match(one[1]) and free.search(one[2])]
    assert not odd
    cast = [one for one in declarations() if "shadow" in one[1] and "inset" not in one[2]]
    assert not cast


@pytest.mark.peer("chromium")
@pytest.mark.timeout(120)
def test_numbers_stand_in_our_font_one_below_the_other(portal: Running, browser: Browser) -> None:
    assert peers.find("chromium")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{portal.url}/sign-in/")
        loaded = page.evaluate(
            """async () => {
              await document.fonts.load("14px Inter", "1");
              await document.fonts.load("600 14px Inter", "1");
              const made = (text, numeric) => {
                const one = document.createElement("span");
                one.textContent = text;
                one.style.cssText = "";
                one.className = numeric;
                document.querySelector("h1").append(one);
                const { width } = one.getBoundingClientRect();
                one.remove();
                return width;
              };
              const faces = [...document.fonts].filter((face) => face.status === "loaded");
              return {
                faces: faces.map((face) => `${face.family} ${face.weight}`).sort(),
                level: made("1111111111", "number") - made("8888888888", "number"),
                free: made("1111111111", "") - made("8888888888", ""),
              };
            }"""
        )
    assert [face.replace('"', "") for face in loaded["faces"]] == ["Inter 400", "Inter 600"]
    assert abs(loaded["level"]) < 0.01
    assert abs(loaded["free"]) > 1, "the control: without tabular figures they are not as wide"
