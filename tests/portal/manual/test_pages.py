"""The manual's pages: who may read which, and the help link of every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from portal.manual.article import LANGUAGES, article
from portal.manual.contents import PAGES
from portal.manual.help import HELP
from portal.permissions import ACCESS
from tests.portal.accounts.joining_people import accepts
from tests.portal.addresses import address_of
from tests.portal.web.test_every_page import NO_PAGES

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db
OPEN = {"sign-up", "sign-in"}


def place_of(name: str) -> str:
    """Where the help link of a page leads, for a reader with a session."""
    page, _, anchor = HELP[name].partition("#")
    address = reverse("manual-page", args=[page]) if page else reverse("manual")
    return f"{address}#{anchor}" if anchor else address


@pytest.mark.req("C-4")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_member_reads_every_page_in_their_language(member: Client, language: str) -> None:
    member.post(reverse("language"), {"language": language})
    contents = member.get(reverse("manual")).content.decode()
    for name in PAGES:
        answer = member.get(reverse("manual-page", args=[name]))
        text = answer.content.decode()
        assert answer.status_code == 200
        assert f'lang="{language}"' in text
        assert article(name, language).body in text
        assert f'href="{reverse("manual-page", args=[name])}"' in contents
        for section in article(name, language).sections:
            assert f'id="{section.anchor}"' in text
            assert f'href="#{section.anchor}"' in text


@pytest.mark.req("C-4")
def test_without_a_session_the_pages_about_getting_in_open_and_no_others() -> None:
    outsider = Client()
    contents = outsider.get(reverse("manual")).content.decode()
    for name, page in PAGES.items():
        address = reverse("manual-page", args=[name])
        answer = outsider.get(address)
        assert page.is_open == (name in OPEN)
        if page.is_open:
            assert answer.status_code == 200
            assert f'href="{address}"' in contents
        else:
            assert answer["Location"] == f"{reverse('account_login')}?next={address}"
            assert address not in contents


def test_a_page_that_is_not_there_is_not_found(member: Client) -> None:
    assert member.get("/manual/no-such-page/").status_code == 404
    assert Client().get("/manual/no-such-page/").status_code == 404


def test_every_page_has_its_place_in_the_manual() -> None:
    """A page that is added needs an entry in `HELP`; what is no page may have none."""
    readable = {name for name, access in ACCESS.items() if "GET" in access.methods}
    assert readable - NO_PAGES.keys() <= HELP.keys()


@pytest.mark.req("C-4")
def test_the_help_link_of_every_page_leads_to_what_explains_it(
    owner: Client, operator: Client, seeded: SeedIds
) -> None:
    seen = set()
    for name in HELP:
        for reader in (owner, operator):
            answer = reader.get(address_of(name, seeded), follow=True)
            if answer.status_code == 200 and not answer.redirect_chain:
                assert f'class="help" href="{place_of(name)}"' in answer.content.decode(), name
                seen.add(name)
    assert len(seen) > 40, "the control: most pages open"
    missing = owner.get("/no-such-page/").content.decode()
    assert 'class="help" href="/manual/problems/"' in missing


@pytest.mark.req("C-4")
def test_without_a_session_help_leads_to_what_opens_without_one() -> None:
    outsider = Client()
    for name, help_address in (
        ("account_login", "/manual/sign-in/"),
        ("account_reset_password", "/manual/sign-in/#forgotten"),
        ("sign-up", "/manual/sign-up/#documents"),
        ("codes-help", "/manual/"),
    ):
        text = outsider.get(reverse(name)).content.decode()
        assert f'class="help" href="{help_address}"' in text
        assert outsider.get(help_address.partition("#")[0]).status_code == 200


@pytest.mark.req("E-4")
def test_the_form_of_the_account_says_what_the_address_is_used_for() -> None:
    browser = Client()
    accepts(browser)
    form = browser.get(reverse("sign-up-account")).content.decode()
    assert 'href="/manual/sign-up/#address"' in form
    assert 'id="address"' in browser.get("/manual/sign-up/").content.decode()


def test_who_has_to_set_up_a_second_step_first_can_read_about_it(
    owner: Client, settings: Settings
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    assert owner.get(reverse("devices"))["Location"].startswith(reverse("mfa_index"))
    assert owner.get(reverse("manual-page", args=["security"])).status_code == 200
