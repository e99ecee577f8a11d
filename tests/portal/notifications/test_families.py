"""Every template family of every app: both languages, and without styles and images."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.template import engines
from django.utils import timezone

from portal.environment.state_folder import PACKAGE
from portal.notifications.models import LIFE, Mail
from portal.notifications.rendering import check_family, kept_subject, rendered

FAMILIES = sorted(
    path.name.removesuffix(".subject.txt") for path in PACKAGE.rglob("templates/mail/*.subject.txt")
)
CODE = "739799"
LINK = "http://127.0.0.1:8000/a-link/of-the-mail/"
_VARIABLE = re.compile(r"\{\{\s*([a-z_]+)")
_NUMBERS = {"count", "days", "hours", "minutes", "n"}
_LEFT_TO_RENDERING = {"portal_url", "product", "language", "subject"}


class Shown(HTMLParser):
    """What a mail client shows that removes style elements, scripts, images and classes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._hidden = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._hidden += tag in {"style", "script", "title", "head"}
        self.links += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "script", "title", "head"}

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.text.append(data.strip())


def sources(name: str) -> str:
    engine = engines["django"]
    paths = [
        engine.get_template(f"mail/{name}.{ending}").origin.name  # type: ignore[attr-defined]
        for ending in ("subject.txt", "txt", "html")
    ]
    return "\n".join(Path(path).read_text("utf-8") for path in paths)


def context_of(name: str) -> dict[str, Any]:
    """A value for every variable that the family's templates show."""
    values: dict[str, Any] = {}
    for variable in set(_VARIABLE.findall(sources(name))) - _LEFT_TO_RENDERING:
        if variable.endswith(("url", "link")):
            values[variable] = LINK
        elif variable in _NUMBERS:
            values[variable] = 30
        else:
            values[variable] = CODE if "code" in variable else f"<{variable}>"
    return values


def mail_of(name: str, language: str) -> Mail:
    now = timezone.now()
    return Mail(
        name=name,
        recipient="hana@example.com",
        language=language,
        context=context_of(name),
        message_id="<0123@portal.example.com>",
        created_at=now,
        expires_at=now + LIFE,
    )


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_mail_says_the_same_as_text_as_html_and_without_styles_and_images(
    name: str, language: str
) -> None:
    check_family(name)
    mail = mail_of(name, language)
    message = rendered(mail)
    ((page, kind),) = message.alternatives
    assert kind == "text/html"
    assert isinstance(page, str)
    shown = Shown(page)
    assert shown.tags.isdisjoint({"style", "link", "script", "img", "svg", "form", "input"})
    assert shown.attributes.isdisjoint({"class", "id", "background", "srcset"})
    said = " ".join(shown.text)
    text = str(message.body)
    for variable, value in mail.context.items():
        if str(value) in text:
            assert str(value) in said or value in shown.links, variable
    for link in re.findall(r"https?://\S+", text):
        # Mail clients end a link at a blank: a word or a full stop after it would belong to it.
        assert link in shown.links
        assert link.startswith("http://127.0.0.1:8000")
    assert str(message.subject).strip()
    kept = kept_subject(str(message.subject), mail.context)  # it stays on the row for a month
    assert CODE not in kept
    assert LINK not in kept
    assert f'lang="{language}"' in page


def test_a_subject_is_kept_without_the_code_and_the_link_that_it_holds() -> None:
    context = {"code": CODE, "accept_url": LINK, "name": "Hana", "decoded": ""}
    assert kept_subject(f"{CODE} for Hana: {LINK}", context) == "… for Hana: …"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_two_languages_differ(name: str) -> None:
    english, japanese = (rendered(mail_of(name, language)) for language in ("en", "ja"))
    assert english.subject != japanese.subject
    assert english.body != japanese.body
    assert re.search(r"[ぁ-ん]", str(japanese.body))
    assert not re.search(r"[ぁ-んァ-ン一-龥]", str(english.body))
