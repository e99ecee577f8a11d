"""A device that is missing or pale, and what the manual says to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from portal.fleet.models import Device
from portal.manual.article import LANGUAGES, article

if TYPE_CHECKING:
    from django.test import Client

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
_CONTACT = {
    "en": "contact the person who installed the gateway",
    "ja": "設置担当者にご連絡ください",
}
_PALE = {
    "en": ("is switched on", "Check its cable", "network address", "keeps its history"),
    "ja": ("電源", "ケーブル", "ネットワークアドレス", "履歴は引き継がれます"),
}


def _section(language: str, anchor: str) -> str:
    """The text below a heading of the page about problems, up to the next heading."""
    body = str(article("problems", language).body)
    found = re.search(rf'<h2[^>]*id="{anchor}".*?</h2>(.*?)(?=<h2|\Z)', body, re.DOTALL)
    assert found, anchor
    return found[1]


def _list_of_devices(language: str) -> str:
    return str(article("devices", language).body)


@pytest.mark.req("C-39")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manual_says_what_to_check_when_a_device_is_missing_and_whom_to_ask(
    language: str,
) -> None:
    steps = re.findall(r"<li>(.*?)</li>", _section(language, "device-missing"), re.DOTALL)
    assert len(steps) == 4
    assert _CONTACT[language] in steps[-1], "the last resort"
    address = reverse("manual-page", args=["problems"])
    assert f'href="{address}#device-missing"' in _list_of_devices(language)


@pytest.mark.req("C-39")
def test_a_device_that_the_portal_does_not_have_is_in_no_list(
    owner: Client, seeded: SeedIds
) -> None:
    Device.objects.filter(name="copier").delete()
    page = owner.get("/devices/").content.decode()
    assert "3F copier" not in page
    assert f'href="{reverse("manual-page", args=["devices"])}#list"' in page, "the help of the page"


@pytest.mark.req("C-40")
def test_only_a_device_that_does_not_answer_is_pale(owner: Client, seeded: SeedIds) -> None:
    copier = Device.objects.get(name="copier")

    def pale(name: str) -> bool:
        page = owner.get(f"/devices/?q={name}").content.decode()
        (row,) = re.findall(r"<tbody><tr([^>]*)>", page)
        return "stale-row" in row

    assert not pale("copier")
    Device.objects.filter(pk=copier.pk).update(reachability="unreachable")
    assert pale("copier")
    Device.objects.filter(pk=copier.pk).update(reachability="online")
    assert not pale("copier")


@pytest.mark.req("C-40")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manual_says_what_to_do_about_a_pale_device(language: str) -> None:
    section = _section(language, "device-unreachable")
    for said in _PALE[language]:
        assert said in section, said
