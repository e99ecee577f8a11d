from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from console.templates import audit
from portal.accounts.models import Membership, Organization, Role, User
from portal.audit import search
from portal.audit.chain import FIRST, HASHED, entry_hash
from portal.audit.erasure import erase_names
from portal.audit.models import Detail, Entry
from portal.audit.record import record
from portal.fleet.models import Device
from portal.web.spreadsheet import escape_formula
from tests.portal.addresses import address_of
from tests.portal.audit.triggers import without_triggers
from tests.portal.test_hostile_values import look_at_statistics
from tests.portal.test_page_costs import measured

if TYPE_CHECKING:
    from tests.portal.web.seed import SeedIds

pytestmark = [pytest.mark.django_db, pytest.mark.database]
PAGE = "/audit/"
ADDED = 20_000
"""Entries by which a log grows; tried with 100,000 by hand."""
HOSTILE = ("=cmd|' /C calc'!A0", "<script>alert(1)</script>", "＝1+1", "\t=1", "a;=1", "@x", "‮abc")


def _organization() -> Organization:
    return Organization.objects.get(name="Aoyama Foods")


def _record(seeded: SeedIds, name: str = "Copier", **fields: Any) -> Entry:
    return record(
        audit.DEVICE_EDIT,
        actor=User.objects.get(email="owner@example.com"),
        organization=_organization().pk,
        subject=("device", seeded.meter),
        subject_name=name,
        **(fields or {"before": {"location": "1F"}, "after": {"location": "2F"}}),
    )


def _text(client: Client, address: str = PAGE, language: str = "en") -> str:
    response = client.get(address, headers={"Accept-Language": language})
    assert response.status_code == 200
    return unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))


def _file(client: Client, query: str) -> str:
    response = client.get(reverse("audit-export") + query)
    assert response.status_code == 200
    assert "attachment" in response.headers["Content-Disposition"]
    return b"".join(response).decode()


def test_it_says_who_did_what_when_and_what_changed(owner: Client, seeded: SeedIds) -> None:
    _record(seeded)
    text = " ".join(_text(owner).split())
    assert "青山 花子 (owner@example.com)" in text
    assert "Edit device Copier Device Location 1F → 2F" in text
    japanese = " ".join(_text(owner, language="ja").split())
    assert "機器の編集 Copier 機器 設置場所 1F → 2F" in japanese


def test_opening_it_is_on_record_once_an_hour_and_a_head_is_not(
    owner: Client, seeded: SeedIds
) -> None:
    looks = Entry.objects.filter(action=audit.LOOK.id)
    owner.head(PAGE)
    assert looks.count() == 0
    owner.get(PAGE)
    owner.get(PAGE)
    assert looks.count() == 1
    exports = Entry.objects.filter(action=audit.EXPORT.id)
    owner.head(reverse("audit-export"))
    assert exports.count() == 0


def test_only_an_organizations_administrators_read_its_log(
    owner: Client, member: Client, stranger: Client, seeded: SeedIds
) -> None:
    _record(seeded, "Secret copier")
    theirs = f"{PAGE}?organization={_organization().pk}"
    assert member.get(PAGE).status_code == 403
    assert stranger.get(theirs).status_code == 404
    assert "Secret copier" not in _text(stranger)
    for kind in ("csv", "jsonl"):
        address = f"{reverse('audit-export')}?format={kind}&organization={_organization().pk}"
        assert stranger.get(address).status_code == 404
        assert member.get(address).status_code == 403
        assert "Secret copier" not in _file(stranger, f"?format={kind}")
    assert stranger.get(f"{PAGE}?thing=device:{seeded.meter}").status_code == 200
    assert "Secret copier" not in _text(stranger, f"{PAGE}?thing=device:{seeded.meter}")
    for wrong in ("0", "-1", "x", "9" * 30, "١"):
        assert owner.get(f"{PAGE}?organization={wrong}").status_code == 404, wrong


def test_it_is_filtered_by_person_action_and_item(
    owner: Client, member: Client, seeded: SeedIds
) -> None:
    _record(seeded)
    other = User.objects.get(email="member@example.com")
    record(
        audit.GROUP_RENAME,
        actor=other,
        organization=_organization().pk,
        subject=("group", 5),
        subject_name="Third floor",
    )
    cells = {"edit": "1F → 2F", "rename": "Rename group Third floor"}
    for query, expected in (
        (f"person=person:{other.pk}", {"rename"}),
        ("action=audit.device_edit", {"edit"}),
        (f"thing=device:{seeded.meter}", {"edit"}),
        (f"thing=device:{seeded.meter}&person=person:{other.pk}", set()),
        ("person=account:0", set()),
        ("person=%00&thing=x&action=x", set()),
        ("", {"edit", "rename"}),
    ):
        text = " ".join(_text(owner, f"{PAGE}?{query}").split())
        assert {name for name, cell in cells.items() if cell in text} == expected, query


def test_the_owner_of_two_organizations_chooses_one(owner: Client, seeded: SeedIds) -> None:
    _record(seeded)
    second = Organization.objects.create(name="Zeta")
    Membership.objects.create(
        user=User.objects.get(email="owner@example.com"),
        organization=second,
        role=Role.ADMINISTRATOR,
    )
    assert "1F → 2F" in _text(owner)
    assert "1F → 2F" not in _text(owner, f"{PAGE}?organization={second.pk}")


def test_hostile_names_are_text_in_the_page_and_in_the_files(
    owner: Client, seeded: SeedIds
) -> None:
    for name in HOSTILE:
        _record(seeded, name, before={"name": name}, after={"name": [name], name[:9]: name})
    page = owner.get(PAGE).content.decode()
    assert "<script>alert" not in page
    rows = list(csv.reader(io.StringIO(_file(owner, "?format=csv").removeprefix("\ufeff"))))
    assert len(rows) > len(HOSTILE)
    texts = [cell for row in rows for cell in row]
    assert [text for text in texts if escape_formula(text) != text and "'" not in text] == []
    parts = [part.strip(' "') for text in texts for part in re.split(r"[\n\r;,\t]", text)]
    assert [part for part in parts if part[:1] in set("=+@＝＋＠")] == []
    lines = _file(owner, "?format=jsonl").splitlines()
    names = [json.loads(line).get("details", {}).get("subject", {}).get("text") for line in lines]
    assert set(HOSTILE) <= set(names)


def test_json_lines_of_the_whole_log_are_one_chain(owner: Client, seeded: SeedIds) -> None:
    _record(seeded)
    *entries, last = (json.loads(line) for line in _file(owner, "?format=jsonl").splitlines())
    assert [one["previous"] for one in entries] == [FIRST, *(one["hash"] for one in entries[:-1])]
    assert last["head"]["hash"] == entries[-1]["hash"]
    assert entries[-1]["action"] == audit.EXPORT.id


def test_names_that_were_erased_are_said_to_be(owner: Client, seeded: SeedIds) -> None:
    leaver = User.objects.create_user("leaver@example.com", family_name="退職")
    record(
        audit.PERSON_EDIT,
        actor=leaver,
        organization=_organization().pk,
        subject=("person", leaver.pk),
        after={"family_name": "退職"},
    )
    assert "退職" in _text(owner)
    erase_names(("person", leaver.pk), actor=None)
    for language, words in (
        ("en", f"Name erased (Person {leaver.pk})"),
        ("ja", f"名前は消去済み（利用者 {leaver.pk}）"),
    ):
        text = _text(owner, language=language)
        assert words in text
        assert "退職" not in text
    assert "What changed was erased at the person's request." in _text(owner)
    assert "退職" not in _file(owner, "?format=csv")
    assert "退職" not in _file(owner, "?format=jsonl")


def _fill(number: int, device: int) -> None:
    """Make the chain longer, as quickly as a test can."""
    chain = _organization().pk
    last = Entry.objects.filter(chain=chain).latest("sequence")
    previous, rows = last.hash, []
    for sequence in range(last.sequence + 1, last.sequence + number + 1):
        fields = dict.fromkeys(HASHED, "") | {
            "chain": chain,
            "sequence": sequence,
            "previous": previous,
            "at_ms": 1_700_000_000_000 + sequence,
            "hour": None,
            "action": audit.DEVICE_EDIT.id,
            "actor_kind": "person",
            "actor_id": "1",
            "subject_kind": "device",
            "subject_id": str(sequence % 700 or device),
        }
        previous = entry_hash(fields)
        rows.append(Entry(hash=previous, **fields))
    Entry.objects.bulk_create(rows, batch_size=2_000)
    Detail.objects.bulk_create(
        Detail(
            chain=chain,
            commitment=f"{row.sequence:064}",
            role="name",
            kind="device",
            thing_id=row.sequence,
            text="x",
        )
        for row in rows[::10]
    )
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_head SET sequence = %s, hash = %s WHERE chain = %s",
            [rows[-1].sequence, previous, chain],
        )
    look_at_statistics()


def test_a_page_of_a_long_log_costs_no_more(owner: Client, seeded: SeedIds) -> None:
    _record(seeded)
    places = [
        PAGE,
        f"{PAGE}?older=3000",
        f"{PAGE}?newer=10",
        f"{PAGE}?thing=device:{seeded.meter}",
        f"{PAGE}?person=person:1&action=audit.group_delete",
        f"{PAGE}?person=person:999&thing=device:999999",
    ]
    owner.get(PAGE)  # the look of this hour
    costs = {}
    for number in (search.LOOKED_AT + 2_000, ADDED):
        _fill(number, seeded.meter)
        with measured() as cost, CaptureQueriesContext(connection) as queries:
            for place in places:
                assert owner.get(place).status_code == 200
        costs[number] = (cost.work, len(queries))
    (work, count), (more_work, more_count) = costs.values()
    assert count == more_count
    assert more_work < 1.5 * work
    found = search.find(_organization().pk, search.Filters(thing="device:999999"))
    assert found.searched_to == found.total + 1 - search.LOOKED_AT


def test_pages_lead_through_the_whole_log_and_back(
    owner: Client, seeded: SeedIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LOOKED_AT", 40)
    for turn in range(130):
        _record(seeded, after={"turn": turn})
    chain = _organization().pk
    for filters in (search.Filters(), search.Filters(action=audit.DEVICE_EDIT.id)):
        wanted = [
            one.sequence
            for one in filters.apply(Entry.objects.filter(chain=chain)).order_by("-sequence")
        ]
        seen: list[int] = []
        page = search.find(chain, filters)
        while True:
            seen += [one.sequence for one in page.entries]
            if page.older is None:
                break
            page = search.find(chain, filters, older=page.older)
        assert seen == wanted
        back: list[int] = [one.sequence for one in page.entries]
        while page.newer is not None:
            page = search.find(chain, filters, newer=page.newer)
            back = [one.sequence for one in page.entries] + back
        assert sorted(set(back), reverse=True) == wanted


def test_the_page_of_a_device_that_is_gone_is_no_fault(owner: Client, seeded: SeedIds) -> None:
    entry = record(
        audit.DEVICE_EDIT,
        actor=None,
        organization=_organization().pk,
        subject=("device", 987_654),
    )
    assert not Device.objects.filter(pk=987_654).exists()
    assert entry.subject_detail == ""
    assert "Device 987654" in _text(owner)


def test_editing_leads_to_the_log(owner: Client, seeded: SeedIds) -> None:
    owner.post(address_of("device-edit", seeded), {"name": "Main hall", "kind": ""})
    text = " ".join(_text(owner).split())
    assert "Edit device Main hall Device Name – → Main hall" in text


def test_it_says_for_whom_somebody_acted(owner: Client, seeded: SeedIds) -> None:
    dealer = Organization.objects.create(name="Setsubi Kanri")
    entry = record(
        audit.DEVICE_EDIT,
        actor=User.objects.get(email="owner@example.com"),
        organization=_organization().pk,
        subject=("device", seeded.meter),
        acting_for=("organization", dealer.pk),
    )
    assert (entry.acting_for_kind, entry.acting_for_id) == ("organization", str(dealer.pk))
    assert "acting for Setsubi Kanri" in " ".join(_text(owner).split())
    assert "Setsubi Kanriの代理" in " ".join(_text(owner, language="ja").split())
    assert "Setsubi Kanri" in _file(owner, "?format=csv")
