"""Sphinx's settings for the site and the manual pages; `site` and `manuals` call it."""

from typing import Any

project = "Kanmon"
project_copyright = "The Kanmon founders"
html_title = "Kanmon"
extensions = ["myst_parser", "sphinx_click"]
root_doc = "docs/index"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
highlight_language = "none"
smartquotes = False  # a help text's --option has two hyphens
language = "en"
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
today = "2026-11-30"  # when the manual pages last changed in more than what the commands say
_GATEWAY = ("the gateway at the edge of the site", "拠点の出入口に立つゲートウェイ")
_PORTAL = ("the portal of Kanmon", "Kanmonのポータル")
man_pages = [
    ("docs/reference/kanmon", "kanmon", _GATEWAY[0], "", 1),
    ("docs/reference/kanmon.ja", "kanmon.ja", _GATEWAY[1], "", 1),
    ("docs/reference/kanmon-portal", "kanmon-portal", _PORTAL[0], "", 1),
    ("docs/reference/kanmon-portal.ja", "kanmon-portal.ja", _PORTAL[1], "", 1),
]


def complete_titles(app: Any, doctree: Any) -> None:
    """Give a command its whole name as the title, and leave out sphinx-click's English headings."""
    for rubric in list(doctree.findall(lambda node: node.tagname == "rubric")):
        rubric.parent.remove(rubric)
    for container in list(doctree.findall(lambda node: node.tagname == "container")):
        program = container[0]
        for section in program.findall(lambda node: node.tagname == "section"):
            section[0][:] = [type(section[0][0])(section["names"][0])]
        container.replace_self(program[1:])  # the page has a heading for them


def leave_out(app: Any, context: Any, lines: list[str]) -> None:
    """Drop what sphinx-click says of arguments: no more than the usage does."""
    lines.clear()


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", complete_titles, priority=100)  # before titles are collected
    app.connect("sphinx-click-process-arguments", leave_out)
