"""Fill the fields of 0004: names apart, roles as they are called now, ids, confirmed addresses.

A name in one field is parted at its first or last space, so that pages show it as before.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from django.db import migrations

if TYPE_CHECKING:
    from django.apps.registry import Apps
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_EAST_ASIAN = re.compile(
    r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]"
)


def split_name(name: str, language: str) -> tuple[str, str]:
    """The family and the given name; one word alone is the given name."""
    words = name.split()
    if len(words) < 2:
        return "", name.strip()
    if language == "ja" or _EAST_ASIAN.search(name):
        return words[0], " ".join(words[1:])
    return words[-1], " ".join(words[:-1])


def fill(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Fill every row; each person in the table was added by an operator, who knew the address."""
    users = apps.get_model("accounts", "User").objects
    addresses = apps.get_model("account", "EmailAddress").objects
    for user in users.all().iterator():
        family, given = split_name(user.name, user.language)
        # A half that is too long for its field keeps its beginning.
        user.family_name, user.given_name = family[:60], given[:60]
        user.save(update_fields=["family_name", "given_name"])
        addresses.get_or_create(
            user=user, email=user.email, defaults={"verified": True, "primary": True}
        )
    for organization in apps.get_model("accounts", "Organization").objects.all():
        organization.public_id = uuid.uuid4()
        organization.save(update_fields=["public_id"])
    apps.get_model("accounts", "Membership").objects.filter(role="member").update(role="user")


class Migration(migrations.Migration):
    """Between the new fields of 0004 and the constraints of 0006."""

    dependencies = (
        ("accounts", "0004_people_and_organizations"),
        ("account", "0009_emailaddress_unique_primary_email"),
    )
    operations = (migrations.RunPython(fill, migrations.RunPython.noop),)
