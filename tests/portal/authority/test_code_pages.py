"""The catalogue of codes as pages: for everybody, in both languages."""

from __future__ import annotations

from html import escape

import pytest
from django.test import Client

from console.language import sentence
from portal.authority.code_pages import RANGES
from provisioning.codes import CATALOGUE, Code

pytestmark = pytest.mark.django_db
LANGUAGES = ["en", "ja"]


@pytest.mark.req("E-28")
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_codes_are_listed_for_who_has_no_account(language: str) -> None:
    page = Client(headers={"Accept-Language": language}).get("/help/codes/")
    assert page.status_code == 200
    text = page.content.decode()
    for code, entry in CATALOGUE.items():
        assert f'href="/help/codes/{code.value}/"' in text
        assert escape(sentence(entry.cause, language), quote=True) in text
    assert f'lang="{language}"' in text


@pytest.mark.req("E-28")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", Code)
def test_each_has_its_cause_and_next_step(code: Code, language: str) -> None:
    page = Client(headers={"Accept-Language": language}).get(f"/help/codes/{code.value}/")
    text, entry = page.content.decode(), CATALOGUE[code]
    for told in (entry.cause, entry.next):
        assert escape(sentence(told, language), quote=True) in text
    assert str(RANGES[code // 100])


@pytest.mark.parametrize("number", ["9999", "0", "2199"])
def test_a_number_that_is_no_code_is_not_there(number: str) -> None:
    assert Client().get(f"/help/codes/{number}/").status_code == 404


def test_the_page_of_keys_and_the_door_lead_there(owner: Client) -> None:
    assert 'href="/help/codes/"' in owner.get("/keys/").content.decode()
    assert 'href="/help/codes/"' in Client().get("/sign-in/", follow=True).content.decode()
