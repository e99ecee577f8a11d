"""The addresses of `portal.permissions`, each with ids of what a test seeded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import ChangeRequest, Invitation, JoinRequest, Role, User
from portal.fleet.models import Device

if TYPE_CHECKING:
    from portal.accounts.models import Organization
    from tests.portal.web.seed import SeedIds


def _joining(organization: Organization) -> tuple[JoinRequest, Invitation, ChangeRequest]:
    """A request to join, an invitation and a change of an organization."""
    now = timezone.now()
    joiner, _ = User.objects.get_or_create(email=f"joiner-{organization.pk}@example.com")
    asked, _ = JoinRequest.objects.get_or_create(organization=organization, user=joiner)
    invited, _ = Invitation.objects.get_or_create(
        organization=organization,
        email="invited@example.com",
        defaults={
            "family_name": "田中",
            "given_name": "一郎",
            "role": Role.USER,
            "digest": Invitation.digest_of(f"of {organization.pk}"),
            "sent_at": now,
            "expires_at": now + timedelta(days=7),
        },
    )
    change, _ = ChangeRequest.objects.get_or_create(
        organization=organization, defaults={"changes": {"phone": "03-1111-2222"}}
    )
    return asked, invited, change


def address_of(name: str, seeded: SeedIds, *, foreign: bool = False) -> str:
    """An address by its name in `portal.permissions`; ``foreign``: of another organization."""
    device = seeded.foreign_meter if foreign else seeded.meter
    series = seeded.foreign_power if foreign else seeded.power
    gateway = Device.objects.get(pk=device).gateway
    organization = gateway.site.organization
    location, _ = gateway.site.installation_locations.get_or_create(name="3F")
    group, _ = organization.device_groups.get_or_create(name="3F")
    asked, invited, change = _joining(organization)
    member = organization.memberships.exclude(role=Role.ADMINISTRATOR).order_by("-pk").first()
    arguments: dict[str, dict[str, Any]] = {
        "site": {"site": gateway.site_id},
        "site-live": {"site": gateway.site_id},
        "site-edit": {"site": gateway.site_id},
        "gateway": {"gateway": gateway.pk},
        "gateway-live": {"gateway": gateway.pk},
        "sign-in-link": {"token": "no-such-token"},
        "code-help": {"number": 2105},
        "manual-page": {"page": "sign-in"},
        "account_reset_password_from_key": {"uidb36": "1", "key": "no-such-key"},
        "address-confirmation": {"token": "no-such-token"},
        "mfa_edit_webauthn": {"pk": 1},
        "mfa_remove_webauthn": {"pk": 1},
        "session-end": {"session": 0},
        "invitation": {"token": "no-such-token"},
        "join-withdraw": {"asked": asked.pk},
        "join-decide": {"asked": asked.pk},
        "invitation-resend": {"invitation": invited.pk},
        "invitation-withdraw": {"invitation": invited.pk},
        "member-role": {"member": member.pk if member else 0},
        "member-remove": {"member": member.pk if member else 0},
        "member-invite": {"organization": organization.pk},
        "organization-change": {"organization": organization.pk},
        "change-decide": {"change": change.pk},
        "key-revoke": {"key": seeded.foreign_key if foreign else seeded.key},
        "demo-mail": {"key": "1764550000000-0123abcd"},
        "demo-mail-html": {"key": "1764550000000-0123abcd"},
        "device": {"device": device},
        "device-live": {"device": device},
        "device-edit": {"device": device},
        "locations": {"site": gateway.site_id},
        "location": {"location": location.pk},
        "location-remove": {"location": location.pk},
        "group": {"group": group.pk},
        "group-delete": {"group": group.pk},
        "chart": {"device": device, "series": series},
        "device-usage": {"device": device},
        "device-usage-live": {"device": device},
        "site-usage": {"site": gateway.site_id},
    }
    return reverse(name, kwargs=arguments.get(name))
