"""A visitor without a browser: signs in by the link and reads the page, as a person would."""

from __future__ import annotations

import html.parser
import http.cookiejar
import urllib.parse
import urllib.request
from typing import Final

_TIMEOUT_S: Final = 10


class _Form(html.parser.HTMLParser):
    """The form of a page's main part, and all its words."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.words: list[str] = []
        self._main = False
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if tag == "main":
            self._main = True
        elif tag == "form" and self._main and self.action is None:
            self.action, self._inside = values.get("action", ""), True
        elif tag == "input" and self._inside and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Visitor:
    """Somebody with cookies."""

    def __init__(self) -> None:
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def sign_in(self, link: str) -> None:
        """Open a sign-in link, and press its button where it has one."""
        url, form = self._open(link)
        if form.action is not None:
            body = urllib.parse.urlencode(form.fields).encode()
            self._open(urllib.parse.urljoin(url, form.action) if form.action else url, body)

    def words(self, url: str) -> str:
        """All the words of a page."""
        return " ".join(" ".join(self._open(url)[1].words).split())

    def _open(self, url: str, body: bytes | None = None) -> tuple[str, _Form]:
        request = urllib.request.Request(url, data=body, headers={"Referer": url})  # noqa: S310 - our own loopback page
        with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
            form = _Form()
            form.feed(answer.read().decode("utf-8"))
            return str(answer.url), form
