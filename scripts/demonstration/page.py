"""A visitor without a browser: signs in by the link, reads pages and presses their buttons."""

from __future__ import annotations

import html.parser
import http.client
import http.cookiejar
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_TIMEOUT_S: Final = 10


class PageError(Exception):
    """A page that could not be had, or lacks a button; the message says which."""


@dataclass(slots=True, kw_only=True)
class _Form:
    """A form as the page has it.

    Attributes:
        main: Whether it stands in the page's main part.
    """

    action: str
    main: bool
    fields: dict[str, str] = field(default_factory=dict)


class _Page(html.parser.HTMLParser):
    """A page.

    Attributes:
        url: Its address.
        forms: Its forms.
        words: All its words.
        elements: The attributes of each element that has an id, by that id.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.forms: list[_Form] = []
        self.words: list[str] = []
        self.elements: dict[str, Mapping[str, str]] = {}
        self._main = False
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if values.get("id"):
            self.elements[values["id"]] = values
        if tag == "main":
            self._main = True
        elif tag == "form":
            self.forms.append(_Form(action=values.get("action", ""), main=self._main))
            self._inside = True
        elif tag == "input" and self._inside and values.get("name"):
            self.forms[-1].fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Visitor:
    """Somebody with cookies.

    Raises:
        PageError: By every method: a page does not answer, or answers with an error.
    """

    def __init__(self) -> None:
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def sign_in(self, link: str) -> None:
        """Open a sign-in link, and press its button where it has one."""
        page = self._open(link)
        form = next((form for form in page.forms if form.main), None)
        if form is not None:
            self._send(page, form)

    def words(self, url: str) -> str:
        """All the words of a page."""
        return " ".join(" ".join(self._open(url).words).split())

    def elements(self, url: str) -> Mapping[str, Mapping[str, str]]:
        """The attributes of each element of a page that has an id, by that id."""
        return self._open(url).elements

    def press(self, url: str, fields: Mapping[str, str]) -> None:
        """Press the button of the form that has these fields.

        Raises:
            PageError: The page has no such form, too.
        """
        page = self._open(url)
        for form in page.forms:
            if fields.items() <= form.fields.items():
                self._send(page, form)
                return
        raise PageError(f"{url} has no button for {dict(fields)}")

    def _send(self, page: _Page, form: _Form) -> None:
        body = urllib.parse.urlencode(form.fields).encode()
        self._open(urllib.parse.urljoin(page.url, form.action) if form.action else page.url, body)

    def _open(self, url: str, body: bytes | None = None) -> _Page:
        request = urllib.request.Request(url, data=body, headers={"Referer": url})  # noqa: S310 - our own loopback page
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                page = _Page(str(answer.url))
                page.feed(answer.read().decode("utf-8"))
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
            raise PageError(f"{url} could not be read: {error}") from error
        return page
