"""Pages travel compressed, and neither their length nor their token tells what is in them."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
PACKED = {"Accept-Encoding": "gzip"}
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')


def test_a_page_is_compressed_for_who_takes_it(owner: Client) -> None:
    plain = owner.get("/devices/")
    packed = owner.get("/devices/", headers=PACKED)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.content) < len(plain.content) / 3
    assert TOKEN.sub(b"", gzip.decompress(packed.content)) == TOKEN.sub(b"", plain.content)
    assert "no-store" in packed.headers["Cache-Control"]


def test_what_is_secret_in_a_page_cannot_be_measured_by_its_length(owner: Client) -> None:
    """BREACH: a token is masked anew each time, and the length is padded at random."""
    answers = [owner.get("/groups/999/", headers=PACKED).content for _ in range(12)]
    answers += [owner.get("/devices/", headers=PACKED).content for _ in range(12)]
    tokens = [found for page in answers for found in TOKEN.findall(gzip.decompress(page))]
    pages = [set(TOKEN.findall(gzip.decompress(page))) for page in answers]
    assert tokens
    assert len(set.union(*pages)) >= len(answers), "no two pages show the same token"
    # The same page, without what differs in it, packed: only the padding is left to differ.
    static = [owner.get("/help/codes/2105/", headers=PACKED).content for _ in range(12)]
    bare = {len(TOKEN.sub(b"", gzip.decompress(page))) for page in static}
    assert len(bare) == 1
    assert len({len(page) for page in static}) > 3


def test_a_poll_is_answered_304_with_and_without_compression(owner: Client) -> None:
    plain = owner.get(reverse("devices-live"))
    packed = owner.get(reverse("devices-live"), headers=PACKED)
    assert packed.headers["Content-Encoding"] == "gzip"
    tag = packed.headers["ETag"]
    assert tag == plain.headers["ETag"], "weak: it is of what a page says, not of its bytes"
    assert tag.startswith('W/"')
    held = owner.get(reverse("devices-live"), headers={**PACKED, "If-None-Match": tag})
    assert (held.status_code, held.content) == (304, b"")
    assert "Content-Encoding" not in held.headers


def test_a_form_of_a_compressed_page_is_taken(seeded: SeedIds, owner: Client) -> None:
    from django.test import Client as Browser

    browser = Browser(enforce_csrf_checks=True)
    page = browser.get("/sign-in/", headers=PACKED)
    (token, *_others) = TOKEN.findall(gzip.decompress(page.content))
    said = {"language": "ja", "next": "/sign-in/"}
    assert browser.post("/language/", said).status_code == 403, "the control: without a token"
    sent = {**said, "csrfmiddlewaretoken": token.decode()}
    assert browser.post("/language/", sent).status_code == 302


def test_a_file_that_streams_is_compressed_as_it_is_sent(owner: Client, seeded: SeedIds) -> None:
    address = f"/devices/{seeded.meter}/usage/?by=hour&format=csv"
    plain = b"".join(owner.get(address))
    answer = owner.get(address, headers=PACKED)
    assert answer.streaming
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(b"".join(answer)) == plain
