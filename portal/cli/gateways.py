"""``kanmon-portal gateway``: the gateways this portal expects."""

from __future__ import annotations

import click

from console.language import tr
from portal.cli.common import TextType, json_option, portal_ready, say


@click.group()
def gateway() -> None:
    """Manage the gateways of this portal."""


@gateway.command("add")
@click.option(
    "--organization",
    type=TextType(200),
    required=True,
    help="The organization; created if it does not exist.",
)
@click.option(
    "--site",
    "site_name",
    type=TextType(100),
    required=True,
    help="The site; created if it does not exist.",
)
@click.option(
    "--time-zone",
    type=TextType(64),
    default="UTC",
    show_default=True,
    help="The time zone of a new site.",
)
@click.option("--gateway", "name", type=TextType(100), required=True, help="The gateway's name.")
@click.option(
    "--box",
    "box_id",
    type=TextType(36),
    required=True,
    help="The box's id, as `kanmon status` shows it.",
)
@json_option
def gateway_add(
    organization: str, site_name: str, time_zone: str, name: str, box_id: str, *, as_json: bool
) -> None:
    """Add a gateway.

    The portal accepts the data of its box from now on.
    """
    with portal_ready():
        from portal.fleet.provisioning import GatewayPlacement, ensure_gateway

        gateway_and_box = ensure_gateway(
            GatewayPlacement(
                organization=organization,
                site=site_name,
                time_zone=time_zone,
                gateway=name,
                box_id=box_id,
            )
        )
    say(
        {
            "gateway": gateway_and_box.gateway.pk,
            "site": gateway_and_box.gateway.site_id,
            "box": box_id,
        },
        tr(
            "{gateway} at {site} is registered; its box is {box}",
            gateway=name,
            site=site_name,
            box=box_id,
        ),
        as_json=as_json,
    )
