"""The secrets of a gateway: why one cannot be stored or read."""

from __future__ import annotations

from typing import Final

from console.text import Template

INVALID_NAME: Final = Template("secret.invalid_name", "'{name}' is not a valid name of a secret")
NAME_FORM: Final = Template(
    "secret.name_form", "use at most 63 lower-case letters a to z, digits and hyphens"
)
EMPTY_VALUE: Final = Template("secret.empty_value", "the value is empty")
LONG_VALUE: Final = Template("secret.long_value", "the value has more than {limit} bytes")
UNPRINTABLE_VALUE: Final = Template(
    "secret.unprintable_value", "the value contains unprintable characters"
)
ONE_LINE: Final = Template("secret.one_line", "give it as one line of printable characters")
NOT_A_REFERENCE: Final = Template(
    "secret.not_a_reference", "the text is not a reference to a secret"
)
WRITE_REFERENCE: Final = Template("secret.write_reference", "write secret:NAME")
UNREADABLE: Final = Template("secret.unreadable", "the secret '{name}' cannot be read")
LINK: Final = Template("secret.link", "its file is a symbolic link")
NOT_A_FILE: Final = Template("secret.not_a_file", "it is not stored in a regular file")
EMPTY: Final = Template("secret.empty", "its file is empty")
LONG: Final = Template("secret.long", "its file has more than {limit} bytes")
NOT_UTF8: Final = Template("secret.not_utf8", "its file is not encoded in UTF-8")
SET_AGAIN: Final = Template("secret.set_again", "store it with `kanmon secret set {name}`")
NO_STATE_FOLDER: Final = Template("secret.no_state_folder", "no state folder is given")
NAME_STATE_FOLDER: Final = Template(
    "secret.name_state_folder", "name the gateway's state folder with --state"
)
NOT_STORED: Final = Template("secret.not_stored", "the secret '{name}' is not stored on this box")
NOT_REGULAR: Final = Template(
    "secret.not_regular", "the secret '{name}' is not stored in a regular file"
)
EXPOSED: Final = Template("secret.exposed", "other users of this box can read the secret '{name}'")
RESTRICT: Final = Template(
    "secret.restrict",
    "run `chmod 600 {path}`, and replace the secret if it may have become known",
)
