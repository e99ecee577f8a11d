"""The people of the demonstration and their organizations. A process.

    python -m scripts.demonstration.people add      adds them, unless they are there
    python -m scripts.demonstration.people links

Both print a link for each person: ``{"misaki.takahashi@sumida.invalid": "http://...", ...}``.

Three organizations, so that each role can be tried, and what one organization sees of another::

    Sumida Works           the simulated sites; a member in each role
    白樺湖畔ホテル         a site whose gateway is to come; one administrator, an open invitation,
                           and a person who asks to join
    Northfield Foods       nothing yet; its administrator reads English
    an operator            looks after the portal and belongs to none of them

Every address ends in ``.invalid``: no mail to it can leave the machine (RFC 2606).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from scripts.demonstration.sites import ORGANIZATION

if TYPE_CHECKING:
    from portal.accounts.models import User

HOTEL: Final = "白樺湖畔ホテル"
FOODS: Final = "Northfield Foods"
ADDRESSES: Final[Mapping[str, Mapping[str, str]]] = {
    ORGANIZATION: {
        "department": "", "country": "JP", "postal_code": "131-0045", "prefecture": "Tokyo",
        "city": "Sumida-ku", "street": "1-8-15 Oshiage", "phone": "03-5555-0134",
    },
    HOTEL: {
        "department": "施設管理課", "country": "JP", "postal_code": "391-0301",
        "prefecture": "長野県", "city": "茅野市", "street": "北山3419-77", "phone": "0266-55-0172",
    },
    FOODS: {
        "department": "", "country": "GB", "postal_code": "LS11 5QP", "prefecture": "",
        "city": "Leeds", "street": "14 Northfield Road", "phone": "+44 113 496 0142",
    },
}  # fmt: skip
"""The address and the telephone number of each organization; all of them are made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person who can sign in.

    Attributes:
        roles: The person's role in each organization, as `portal.accounts.models.Role` has it.
        kana: The readings of both names, of a person in Japan.
        asks_to_join: The organization that the person asks to join; ``""``: none.
    """

    email: str
    family: str
    given: str
    language: str
    region: str = "JP"
    kana: tuple[str, str] = ("", "")
    roles: Mapping[str, str] = field(default_factory=dict)
    asks_to_join: str = ""

    @property
    def name(self) -> str:
        """Both names in the order of the person's language."""
        names = (self.family, self.given)
        return " ".join(names if self.language == "ja" else reversed(names))

    @property
    def duties(self) -> str:
        """What the person may do, in words for the terminal."""
        if self.asks_to_join:
            return f"asks to join {self.asks_to_join}"
        said = [f"{role} of {organization}" for organization, role in self.roles.items()]
        return ", ".join(said) or "operator of the portal"


PEOPLE: Final = (
    Person(
        email="misaki.takahashi@sumida.invalid", family="Takahashi", given="Misaki",
        kana=("タカハシ", "ミサキ"), language="en", roles={ORGANIZATION: "administrator"},
    ),
    Person(
        email="kenichi.sato@sumida.invalid", family="佐藤", given="健一",
        kana=("サトウ", "ケンイチ"), language="ja", roles={ORGANIZATION: "user"},
    ),
    Person(
        email="daisuke.suzuki@sumida.invalid", family="鈴木", given="大輔",
        kana=("スズキ", "ダイスケ"), language="ja", roles={ORGANIZATION: "installer"},
    ),
    Person(
        email="emma.wilson@ledger.invalid", family="Wilson", given="Emma", region="GB",
        language="en", roles={ORGANIZATION: "billing", FOODS: "billing"},
    ),
    Person(
        email="yumi.ito@shirakaba.invalid", family="伊藤", given="由美", kana=("イトウ", "ユミ"),
        language="ja", roles={HOTEL: "administrator"},
    ),
    Person(
        email="naoki.watanabe@shirakaba.invalid", family="渡辺", given="直樹",
        kana=("ワタナベ", "ナオキ"), language="ja", roles={HOTEL: "user"},
    ),
    Person(
        email="sakura.kobayashi@shirakaba.invalid", family="小林", given="さくら",
        kana=("コバヤシ", "サクラ"), language="ja", asks_to_join=HOTEL,
    ),
    Person(
        email="oliver.bennett@northfield.invalid", family="Bennett", given="Oliver", region="GB",
        language="en", roles={FOODS: "administrator"},
    ),
    Person(
        email="ryo.yamamoto@kanmon.invalid", family="山本", given="亮", kana=("ヤマモト", "リョウ"),
        language="ja",
    ),
)  # fmt: skip
"""The first one is shown the demonstration; the last one operates the portal."""
FIRST: Final = PEOPLE[0]
OPERATOR: Final = PEOPLE[-1]
INVITED: Final = {
    "email": "akira.nakamura@shirakaba.invalid", "family_name": "中村", "given_name": "明",
    "family_kana": "ナカムラ", "given_kana": "アキラ", "role": "administrator", "language": "ja",
}  # fmt: skip
"""Whom the hotel's administrator has invited: the mail is in the demonstration's mailbox."""
SITE: Final = "湖畔館"
"""The hotel's site, which has no gateway yet."""


def add() -> None:
    """Add everybody, unless they are there: all of them, or nobody."""
    from django.db import transaction

    from portal.accounts.actions import name_operator
    from portal.accounts.models import Organization, User
    from portal.fleet.actions import create_site

    with transaction.atomic():
        if User.objects.filter(email=FIRST.email).exists():
            return
        users = {person.email: _add_person(person) for person in PEOPLE}
        Organization.objects.get_or_create(name=ORGANIZATION)
        Organization.objects.filter(name=ORGANIZATION).update(**ADDRESSES[ORGANIZATION])
        _join(users)
        name_operator(OPERATOR.email, operates=True)
        hotel = Organization.objects.get(name=HOTEL)
        create_site(hotel, name=SITE, time_zone="Asia/Tokyo", actor=hotel.members.first())


def _add_person(person: Person) -> User:
    """A person whose address is proven and who has accepted the documents."""
    from allauth.account.models import EmailAddress

    from portal.accounts import documents
    from portal.accounts.models import User

    user = User.objects.create_user(
        person.email,
        family_name=person.family,
        given_name=person.given,
        family_kana=person.kana[0],
        given_kana=person.kana[1],
        language=person.language,
        region=person.region,
        time_zone="Asia/Tokyo" if person.region == "JP" else "Europe/London",
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    documents.accept(user, documents.outstanding(user), language=person.language)
    return user


def _join(users: Mapping[str, User]) -> None:
    """Make the organizations that are missing, and everybody a member; administrators first."""
    from portal.accounts.actions import NewUser, add_user
    from portal.accounts.joining import create_organization, request_join
    from portal.accounts.membership import invite
    from portal.accounts.models import Organization, Role

    roles = [
        (role, organization, person)
        for person in PEOPLE
        for organization, role in person.roles.items()
    ]
    for role, organization, person in sorted(roles, key=lambda one: one[0] != "administrator"):
        if not Organization.objects.filter(name=organization).exists():
            values = {"name": organization, **ADDRESSES[organization]}
            create_organization(users[person.email], values)
        else:
            add_user(NewUser(email=person.email, organization=organization, role=Role(role)))
    hotel = Organization.objects.get(name=HOTEL)
    administrator = hotel.members.get(memberships__role=Role.ADMINISTRATOR)
    invite(administrator, hotel, INVITED)
    for person in PEOPLE:
        if person.asks_to_join:
            joined = Organization.objects.get(name=person.asks_to_join)
            request_join(users[person.email], joined)


def links() -> dict[str, str]:
    """A new link for each person, by their address, that signs them in once within 30 minutes."""
    from django.conf import settings
    from django.db import transaction
    from django.urls import reverse

    from portal.accounts.actions import make_sign_in_link

    with transaction.atomic():
        tokens = {person.email: make_sign_in_link(person.email) for person in PEOPLE}
    return {
        email: settings.PORTAL_URL + reverse("sign-in-link", args=[token])
        for email, token in tokens.items()
    }


def table(found: Mapping[str, str]) -> Sequence[str]:
    """The people but the first as lines for the terminal, each with their link below."""
    lines = []
    for person in PEOPLE[1:]:
        lines.append(f"  {person.name}, {person.duties} ({person.email})")
        lines.append(f"      {found[person.email]}")
    return lines


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    if sys.argv[1] == "add":
        add()
    json.dump(links(), sys.stdout)
