"""Sites, gateways and their boxes: why a portal does not make one, told on a box as well."""

from __future__ import annotations

from typing import Final

from console.text import Template

NAME_EMPTY: Final = Template("fleet.name_empty", "the name is empty")
NAME_LONG: Final = Template(
    "fleet.name_long",
    "the name has {n} character, but at most {limit} are allowed",
    "the name has {n} characters, but at most {limit} are allowed",
)
SHORTEN_NAME: Final = Template("fleet.shorten_name", "choose a shorter name")
SITE_EXISTS: Final = Template(
    "fleet.site_exists", "{organization} already has a site with the name '{site}'"
)
OTHER_SITE_NAME: Final = Template("fleet.other_site_name", "choose another name for the site")
GATEWAY_EXISTS: Final = Template(
    "fleet.gateway_exists", "site '{site}' already has a gateway with the name '{gateway}'"
)
BOXES_OF_GATEWAY: Final = Template("fleet.boxes_of_gateway", "that gateway has the box {boxes}")
OTHER_GATEWAY_NAME: Final = Template(
    "fleet.other_gateway_name", "choose another name for the gateway"
)
INVALID_BOX_ID: Final = Template("fleet.invalid_box_id", "'{box}' is not a box id")
BOX_ID_FORM: Final = Template(
    "fleet.box_id_form", "a box id has 3 to 36 lower-case letters, digits and hyphens"
)
BOX_ASSIGNED: Final = Template(
    "fleet.box_assigned", "box '{box}' is already assigned to another gateway"
)
CHECK_BOX_ID: Final = Template(
    "fleet.check_box_id", "check the id, which `kanmon status` shows on the box"
)
