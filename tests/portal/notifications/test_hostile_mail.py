"""No name, address or context can change what a mail is: one property, over the whole message."""

from __future__ import annotations

import html
import json
import re
import smtplib
from datetime import timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.template import engines
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.notifications import hostile_text, outbox, rendering
from portal.notifications.models import Mail

HEADERS = {
    "content-type",
    "mime-version",
    "subject",
    "from",
    "to",
    "message-id",
    "date",
    "auto-submitted",
    "content-language",
}
NASTY = (
    "Hana\r\nBcc: everybody@example.com",
    "Hana\n\nYour account is closed. Call 0120-000-000.",
    "=??Q?=0A0",
    "=?utf-8?q?Hana=0D=0ABcc:_x@example.com?=",
    "\u202eexe.etadpu",
    "</td><img src=x onerror=alert(1)><style>*{display:none}</style>",
    "{{ portal_url }}{% include 'mail/test.txt' %}",
    "Win https://evil.example/x now, or www.evil.example",
    "\x00\x1b[31m\ud800\u2028\u0085",
    ".\r\n.\r\nMAIL FROM:<x@example.com>",
    "a" * 2_000,
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(codec=None), max_size=50),  # lone surrogates, too
    st.sampled_from(NASTY),
    st.tuples(st.sampled_from(NASTY), st.text(max_size=20)).map("".join),
)
SOURCES = {
    "mail/probe.subject.txt": "About {{ name }}\n",
    "mail/probe.txt": '{% extends "mail/base.txt" %}'
    "{% block content %}Dear {{ name }}{% endblock %}",
    "mail/probe.html": '{% extends "mail/base.html" %}'
    '{% block content %}<p title="{{ name }}">Dear {{ name }}</p>{% endblock %}',
}


class Tags(HTMLParser):
    """The tags of a page, each with the names of its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def message_of(context: Any, monkeypatch: pytest.MonkeyPatch) -> EmailMultiAlternatives:
    """The message of a row as it is after the database: its context was JSON."""

    def render(template: str, values: dict[str, Any], *, escape: bool) -> str:
        source = engines["django"].from_string(SOURCES[template])
        from django.template import Context

        return str(source.template.render(Context(values, autoescape=escape)))  # type: ignore[attr-defined]

    monkeypatch.setattr(rendering, "_render", render)
    now = timezone.now()
    return rendering.rendered(
        Mail(
            name="probe",
            recipient="hana@example.com",
            language="ja",
            context=json.loads(json.dumps(hostile_text.cleaned(context))),
            message_id="<0123@portal.example.com>",
            created_at=now,
            expires_at=now + timedelta(days=1),
        )
    )


def wire_of(message: EmailMultiAlternatives) -> bytes:
    """The bytes that Django's backend sends."""
    return message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg] # Django's own


@settings(deadline=None)
@given(name=TEXTS)
@example(name=NASTY[0])
@example(name=NASTY[2])
@example(name=NASTY[5])
@example(name=NASTY[8])
def test_whatever_a_name_is_the_message_keeps_its_headers_its_lines_and_its_tags(
    name: str,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        wire = wire_of(message_of({"name": name}, patch))
        plain = wire_of(message_of({"name": "Hana"}, patch))
    assert wire.isascii()
    assert b"\x00" not in wire
    assert all(len(line) <= 998 for line in wire.split(b"\r\n"))
    assert b"\n" not in wire.replace(b"\r\n", b"")
    received = message_from_bytes(wire, policy=policy.default)
    expected = message_from_bytes(plain, policy=policy.default)
    assert {key.lower() for key in received} == HEADERS
    assert len(received) == len(HEADERS)
    assert not received.defects
    assert received["To"] == "hana@example.com"
    assert len(received["Subject"].splitlines()) <= 1
    text, mild = (_part(one, "plain") for one in (received, expected))
    assert len(text.splitlines()) == len(mild.splitlines())
    page, calm = (_part(one, "html") for one in (received, expected))
    assert Tags(page).found == Tags(calm).found
    shown = hostile_text.without_links(hostile_text.one_line(name))
    assert f"Dear {shown}".strip() in text
    assert html.escape(shown, quote=True) in page


def _part(message: Any, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content())


@settings(deadline=None)
@given(text=TEXTS)
def test_one_line_is_one_printable_line_and_stays_as_it_is(text: str) -> None:
    line = hostile_text.one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == hostile_text.one_line(line)
    line.encode("utf-8")  # no lone surrogate is left
    assert "\x00" not in line


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("青山フーズ株式会社 (本社)", "青山フーズ株式会社 (本社)"),
        ("see https://evil.example/x", "see https[:]//evil[.]example/x"),
        ("HTTPS://EVIL.EXAMPLE/", "HTTPS[:]//EVIL[.]EXAMPLE/"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("(www.evil.example)", "(www[.]evil[.]example)"),
        ("javascript:alert(1)//x/", "javascript[:]alert(1)//x/"),
        ("http://127.0.0.1:8000/join/1", "http://127.0.0.1:8000/join/1"),
        (
            "http://127.0.0.1:8000.evil.example/",
            "http[:]//127[.]0[.]0[.]1[:]8000[.]evil[.]example/",
        ),
        ("http://127.0.0.1:8000@evil.example/", "http[:]//127[.]0[.]0[.]1[:]8000@evil[.]example/"),
        ("Meeting at 10:30, floor 3/4", "Meeting at 10:30, floor 3/4"),
    ],
)
def test_only_links_to_this_portal_stay_links(text: str, left: str) -> None:
    assert hostile_text.without_links(text) == left


ADDRESSES = st.one_of(
    st.emails(),
    TEXTS,
    st.tuples(st.emails(), TEXTS).map("".join),
    st.tuples(TEXTS, st.emails()).map("".join),
)


@pytest.mark.django_db
@settings(deadline=None)
@given(address=ADDRESSES)
@example(address="hana@example.com\r\nRCPT TO:<ken@example.com>")
@example(address='"hana\x0b"@example.com')
@example(address="hana@example.com,ken@example.com")
@example(address="Hana <hana@example.com>")
@example(address="=??Q?=0A@example.com")
def test_an_address_is_refused_or_is_exactly_one_recipient(address: str) -> None:
    try:
        mail = outbox.send("test", to=address, language="en", context={})
    except outbox.RecipientError:
        return
    message = rendering.rendered(mail)
    (to,) = message.recipients()
    wire = wire_of(message)
    assert wire.isascii()
    received = message_from_bytes(wire, policy=policy.default)
    assert len(received["To"].addresses) == 1
    # What smtplib puts after RCPT TO: one line, one pair of brackets.
    command = smtplib.quoteaddr(to)
    assert command.startswith("<")
    assert command.endswith(">")
    assert not re.search(r"[\x00-\x1f\x7f]", command)


@pytest.mark.django_db
@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", timedelta(1)])
def test_a_context_that_is_not_json_is_refused_in_the_act(value: object) -> None:
    with pytest.raises(TypeError, match="not JSON"):
        outbox.send("test", to="hana@example.com", language="en", context={"value": [value]})
