"""The control socket: what a request may be refused for, and what a client finds wrong."""

from __future__ import annotations

from typing import Final

from console.text import Template

SAME_VERSION: Final = Template(
    "control.same_version", "use the `kanmon` of the same version as the daemon"
)
OTHER_VERSION: Final = Template(
    "control.other_version",
    "the request uses protocol version {request}, the daemon version {daemon}",
)
PARAMETERS_NOT_OBJECT: Final = Template(
    "control.parameters_not_object", "the parameters are not a JSON object"
)
PARAMETER_NOT_TEXT: Final = Template(
    "control.parameter_not_text", "the parameter '{name}' is missing or is not a text"
)
REQUEST_NOT_OBJECT: Final = Template(
    "control.request_not_object", "the request is not a JSON object"
)
NOT_JSON_RPC: Final = Template("control.not_json_rpc", "the request does not follow JSON-RPC 2.0")
MEMBER_REPEATED: Final = Template("control.member_repeated", "the member {member} is repeated")
OTHER_PROTOCOL: Final = Template("control.other_protocol", "its member {member} is not '{value}'")
METHOD_NOT_TEXT: Final = Template("control.method_not_text", "its method is not a text")
PARAMS_NOT_COLLECTION: Final = Template(
    "control.params_not_collection", "its params are neither an object nor an array"
)
INVALID_ID: Final = Template(
    "control.invalid_id",
    "its id is neither an integer nor a text of at most {limit} characters",
)
UNKNOWN_DEVICE: Final = Template("control.unknown_device", "no device is named '{name}'")
LIST_DEVICES: Final = Template(
    "control.list_devices", "see `kanmon device list`, or give the device's URL"
)
DID_YOU_MEAN: Final = Template("control.did_you_mean", "did you mean {name}?")
