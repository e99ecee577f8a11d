"""The control socket: what a request may be refused for, and what a client finds wrong."""

from __future__ import annotations

from typing import Final

from console.text import Message, Template

SAME_VERSION: Final = Template(
    "control.same_version", "use the same version of `kanmon` as the daemon"
)
OTHER_VERSION: Final = Template(
    "control.other_version",
    "the request uses protocol version {request}, but the daemon uses version {daemon}",
)
PARAMETERS_NOT_OBJECT: Final = Template(
    "control.parameters_not_object", "the parameters are not a JSON object"
)
PARAMETER_NOT_TEXT: Final = Template(
    "control.parameter_not_text", "the parameter '{name}' is missing or is not text"
)
REQUEST_NOT_OBJECT: Final = Template(
    "control.request_not_object", "the request is not a JSON object"
)
REQUEST_INCOMPLETE: Final = Template(
    "control.request_incomplete", "the request is incomplete: its line does not end"
)
END_REQUEST: Final = Template("control.end_request", "send each request as one line")
NOT_JSON_RPC: Final = Template("control.not_json_rpc", "the request does not follow JSON-RPC 2.0")
MEMBER_REPEATED: Final = Template("control.member_repeated", "the member {member} is repeated")
OTHER_PROTOCOL: Final = Template("control.other_protocol", "its member {member} is not '{value}'")
METHOD_NOT_TEXT: Final = Template("control.method_not_text", "its method is not text")
PARAMS_NOT_COLLECTION: Final = Template(
    "control.params_not_collection", "its params are neither an object nor an array"
)
INVALID_ID: Final = Template(
    "control.invalid_id",
    "its id is neither an integer nor text of at most {limit} characters",
)

CAUSE: Final = Template("control.cause", "{what}; {why}")

# Requests, as the daemon refuses them.
UNKNOWN_METHOD: Final = Template(
    "control.unknown_method", "the daemon does not know the method {method}"
)
INTERNAL_ERROR: Final = Template("control.internal_error", "internal error of the daemon")
REPORT_WITH_LOG: Final = Template(
    "control.report_with_log", "report it with the daemon's log (`journalctl -u kanmon`)"
)
TOO_MANY: Final = Template("control.too_many", "too many commands are running at once")
TRY_AGAIN: Final = Template("control.try_again", "try again in a moment")
TOO_LARGE: Final = Template("control.too_large", "the request is larger than {limit} bytes")
SMALLER_FILE: Final = Template(
    "control.smaller_file", "use a smaller file; a configuration file is never this large"
)

# The socket.
SOCKET_FAILED: Final = Template("control.socket_failed", "the control socket cannot be created")
SOCKET_NAME_TAKEN: Final = Template(
    "control.socket_name_taken", "a file that is not a socket has this name"
)
MOVE_FILE: Final = Template("control.move_file", "move that file away")
OWN_STATE_FOLDER: Final = Template(
    "control.own_state_folder", "make the gateway's user the owner of the state folder"
)
ALREADY_RUNNING: Final = Template(
    "control.already_running", "another daemon is running on this state folder"
)
STOP_OTHER: Final = Template(
    "control.stop_other", "stop it first, or choose another state folder with --state"
)
PATH_TOO_LONG: Final = Template(
    "control.path_too_long", "the path of the state folder is too long for the control socket"
)
SHORTER_PATH: Final = Template(
    "control.shorter_path", "choose a state folder whose path has at most {limit} bytes"
)

# The daemon, as a client finds it.
NOT_RUNNING: Final = Template("control.not_running", "the gateway is not running")
START: Final = Template(
    "control.start", "start it with `kanmon run`, or name its state folder with --state"
)
NOT_ALLOWED: Final = Template(
    "control.not_allowed", "this account is not allowed to open the daemon's control socket"
)
AS_OWNER: Final = Template(
    "control.as_owner", "run the command as the user that the gateway runs as, or with sudo"
)
NO_ANSWER: Final = Template("control.no_answer", "the daemon does not answer")
RESTART_IF_STUCK: Final = Template(
    "control.restart_if_stuck", "check the daemon's log, and restart the daemon if it is stuck"
)
STOPPED: Final = Template(
    "control.stopped", "the daemon stopped while it was working on the request"
)
CHECK_LOG: Final = Template("control.check_log", "check the daemon's log")
ANSWER_INCOMPLETE: Final = Template(
    "control.answer_incomplete",
    "the connection to the daemon was lost before its answer was complete",
)
CHECK_LOG_AND_RETRY: Final = Template(
    "control.check_log_and_retry", "check the daemon's log, then try again"
)
UNEXPECTED_ANSWER: Final = Template(
    "control.unexpected_answer", "the daemon sent an unexpected answer"
)
ANSWER_TOO_LARGE: Final = Template(
    "control.answer_too_large", "the answer is larger than {limit} bytes"
)
ANSWER_NOT_JSON: Final = Template("control.answer_not_json", "the answer is not valid JSON")
ANSWER_NOT_JSON_RPC: Final = Template(
    "control.answer_not_json_rpc", "the answer does not follow JSON-RPC 2.0"
)
OTHER_ANSWER: Final = Template("control.other_answer", "it is the answer to another request")
INVALID_ERROR: Final = Template(
    "control.invalid_error", "the error in the answer has the wrong form"
)
INVALID_MEMBER: Final = Template(
    "control.invalid_member", "'{member}' is missing or has the wrong type"
)
INVALID_REPORT: Final = Template("control.invalid_report", "the report in the answer is not valid")

# Configurations.
UNUSABLE_CONFIGURATION: Final = Template(
    "control.unusable_configuration", "the configuration cannot be used"
)
CORRECT_FINDINGS: Final = Template(
    "control.correct_findings", "correct the listed errors, then run the command again"
)
CONFIGURATION_NOT_SAVED: Final = Template(
    "control.configuration_not_saved", "the configuration cannot be saved"
)
FREE_SPACE: Final = Template(
    "control.free_space",
    "check the disk and its free space; the previous configuration stays active",
)
CONFIGURATION_NOT_LOADED: Final = Template(
    "control.configuration_not_loaded", "the configuration cannot be loaded"
)
PREVIOUS_ACTIVE: Final = Template(
    "control.previous_active", "{step}; the previous configuration stays active"
)

# The spool.
SPOOL_NOT_READ: Final = Template("control.spool_not_read", "the spool cannot be read")
CHECK_DISK_AND_LOG: Final = Template(
    "control.check_disk_and_log", "check the disk and the daemon's log"
)

# Devices and their settings.
UNKNOWN_DEVICE: Final = Template("control.unknown_device", "the device '{name}' is not configured")
LIST_DEVICES: Final = Template(
    "control.list_devices",
    "see `kanmon device list` for the configured names, or use the device's URL",
)
DID_YOU_MEAN: Final = Template("control.did_you_mean", "did you mean {name}?")
DEVICE_NOT_READ: Final = Template("control.device_not_read", "this device cannot be read")
DEVICE_NOT_WRITTEN: Final = Template(
    "control.device_not_written", "this device cannot be written to"
)
VALUE_NOT_READ: Final = Template(
    "control.value_not_read", "the current value of the setting '{setting}' cannot be read"
)
NOT_CONFIRMED: Final = Template(
    "control.not_confirmed", "the device did not confirm the write to the setting '{setting}'"
)
NOT_APPLIED: Final = Template(
    "control.not_applied",
    "the device accepted the write, but the setting '{setting}' is still {value}",
)
SEE_DEVICE_MANUAL: Final = Template(
    "control.see_device_manual",
    "check its manual: the device may need a password or a restart to apply the setting",
)
AUDIT_NOT_WRITTEN: Final = Template(
    "control.audit_not_written", "the audit log cannot be written; the device was not changed"
)
FREE_SPACE_AND_RETRY: Final = Template(
    "control.free_space_and_retry", "check the disk and its free space, then try again"
)
AUDIT_INCOMPLETE: Final = Template(
    "control.audit_incomplete",
    "the setting was written, but the audit log could not be completed",
)
NOTE_CHANGE: Final = Template(
    "control.note_change", "check the disk and its free space, and note down what was written"
)
AUDIT_LINKED: Final = Template(
    "control.audit_linked", "the audit log is a link, or belongs to another account"
)


def cause(what: Message, why: Message) -> Message:
    """A fact as the cause of another one: with its own cause, where that is known."""
    return CAUSE(what=what, why=why) if why else what
