"""Why this box has no connection to a portal."""

from __future__ import annotations

from typing import Final

from console.text import Template

NO_BROKER: Final = Template("link.no_broker", "this box is not enrolled in a portal")
ENROL: Final = Template(
    "link.enrol", "enrol it with `kanmon enroll KEY`, or set cloud.broker to a broker of your own"
)
SETTING_CONFLICT: Final = Template(
    "link.setting_conflict",
    "the configuration sets cloud.{setting}, but this box is enrolled: it connects to {broker} "
    "with its certificate",
)
REMOVE_CLOUD: Final = Template(
    "link.remove_cloud", "remove the cloud section and apply the configuration again"
)
NO_TLS: Final = Template("link.no_tls", "the portal directs this box to {broker}, without TLS")
NOT_PROTECTED: Final = Template(
    "link.not_protected",
    "without TLS, anyone on the network path could read the data and send data in this box's name",
)
SET_BOX_BROKER: Final = Template(
    "link.set_box_broker",
    "ask the portal's operator to set KANMON_BOX_BROKER to an mqtts:// address, then enrol again",
)
