"""The configuration of a gateway: what is wrong with a setting, a file, or the loading of one."""

from __future__ import annotations

from typing import Final

from console.text import Template

# --- values ---------------------------------------------------------------------------------------

QUOTED: Final = Template("config.quoted", "'{text}'")
LONG_VALUE: Final = Template("config.long_value", "a value of {n} characters")
NOTHING: Final = Template("config.nothing", "an empty value")
NO_VALUE: Final = Template("config.no_value", "the setting '{name}' has no value")
WRITE_VALUE: Final = Template("config.write_value", "write its value after '{name}:'")
EMPTY_SECTION: Final = Template("config.empty_section", "the section '{name}' is empty")
EMPTY_ENTRY: Final = Template("config.empty_entry", "an entry of the list '{name}' is empty")
FILL_ENTRY: Final = Template(
    "config.fill_entry", "write its settings after the dash, or remove the dash"
)
EMPTY_LIST: Final = Template("config.empty_list", "the list '{name}' is empty")
FILL_LIST: Final = Template(
    "config.fill_list", "write its entries below it, each after a dash, or write '{name}: []'"
)
SECTION: Final = Template("config.section", "a section")
LIST: Final = Template("config.list", "a list")
INVALID: Final = Template("config.invalid", "{given} is not valid here")
SEE_REFERENCE: Final = Template(
    "config.see_reference", "see the description of this setting in the reference"
)
NOT_BOOLEAN: Final = Template("config.not_boolean", "true or false is expected here, not {given}")
WRITE_BOOLEAN: Final = Template("config.write_boolean", "write true or false")
FEW_ENTRIES: Final = Template("config.few_entries", "the list has too few entries")
ENTRIES_AT_LEAST: Final = Template("config.entries_at_least", "write at least {limit} entries")
TOO_MANY_ENTRIES: Final = Template("config.too_many_entries", "the list has too many entries")
ENTRIES_AT_MOST: Final = Template("config.entries_at_most", "write at most {limit} entries")
CHOICES: Final = Template("config.choices", "write one of these values: {choices}")
CONTROL_CHARACTERS: Final = Template(
    "config.control_characters", "the text contains control characters"
)
REMOVE_CHARACTERS: Final = Template("config.remove_characters", "remove these characters")

# --- settings -------------------------------------------------------------------------------------

ADD_SETTING: Final = Template("config.add_setting", "add '{name}:' and its value")
KNOWN_SETTINGS: Final = Template(
    "config.known_settings", "remove it, or use one of these settings: {known}"
)
INDENT_BELOW: Final = Template("config.indent_below", "indent it below '{section}:'")
VERSION_MISSING: Final = Template("config.version_missing", "the version of the file is missing")
ADD_VERSION: Final = Template("config.add_version", "add the line 'version: {version}'")
INVALID_VERSION: Final = Template("config.invalid_version", "{given} is not a version")
NEWER_VERSION: Final = Template(
    "config.newer_version",
    "version {version} is newer than this software, which supports version {supported}",
)
UPDATE: Final = Template(
    "config.update", "update the software, or write the file for version {supported}"
)
NAME_FORM: Final = Template(
    "config.name_form",
    "use at most 63 lower-case letters a to z, digits and hyphens; 'label' takes any text",
)
RESERVED_NAME: Final = Template(
    "config.reserved_name", "the name '{name}' is reserved for the gateway itself"
)
CHOOSE_NAME: Final = Template("config.choose_name", "choose another name")
DUPLICATE_NAME: Final = Template(
    "config.duplicate_name", "another device is already named '{name}'"
)
DISTINCT_NAMES: Final = Template("config.distinct_names", "give each device a name of its own")
TIME_ZONE: Final = Template("config.time_zone", "'{name}' is not a time zone")
TIME_ZONES: Final = Template("config.time_zones", "write one of these time zones: {zones}")
CITY: Final = Template("config.city", "write a city too, such as {zone}")
IANA: Final = Template(
    "config.iana", "write a name from the IANA time zone database, such as Asia/Tokyo, or UTC"
)
RATIO: Final = Template("config.ratio", "{given} is not a ratio")
RATIO_FORM: Final = Template(
    "config.ratio_form", "write a number such as 40, or primary/secondary such as 200/5"
)
RATIO_NOT_POSITIVE: Final = Template(
    "config.ratio_not_positive", "the ratio {given} is not greater than 0"
)
RATIO_TOO_SMALL: Final = Template("config.ratio_too_small", "the ratio {given} is too small")
RATIO_UNSIGNED: Final = Template(
    "config.ratio_unsigned",
    "write it without the sign, and set 'reversed: true' for a meter that is wired in reverse",
)
RATIO_TOO_LARGE: Final = Template(
    "config.ratio_too_large", "the ratio {given} is greater than {limit}"
)
RATIO_SECONDARY: Final = Template(
    "config.ratio_secondary", "the ratio {given} has 0 as its secondary value"
)
RESERVE: Final = Template("config.reserve", "gap_reserve_mb is not less than cap_mb")
NO_SPACE_LEFT: Final = Template("config.no_space_left", "no space would be left for records")
LESS_RESERVE: Final = Template("config.less_reserve", "reduce gap_reserve_mb, or raise cap_mb")

# --- addresses and secrets ------------------------------------------------------------------------

URL_SLASHES: Final = Template("config.url_slashes", "'//' is missing after '{scheme}:'")
WRITE_SLASHES: Final = Template("config.write_slashes", "begin the URL with {scheme}://")
URL_ADDRESS: Final = Template("config.url_address", "'{host}' is not an IPv4 address")
ADDRESS_FORM: Final = Template(
    "config.address_form", "write four numbers from 0 to 255, as in 192.168.0.10"
)
URL_PORT: Final = Template("config.url_port", "the URL has an invalid port")
TRAVELS: Final = Template(
    "config.travels", "configuration files are copied and sent, so they must not contain secrets"
)
STORE_SECRET: Final = Template(
    "config.store_secret",
    "store the secret with `kanmon secret set NAME`, and write secret:NAME in its place",
)
NOT_A_REFERENCE: Final = Template(
    "config.not_a_reference", "the value is not a reference to a stored secret"
)
BROKER_PROTOCOL: Final = Template(
    "config.broker_protocol", "the broker's URL does not begin with mqtt:// or mqtts://"
)
BROKER_HOST: Final = Template("config.broker_host", "the broker's URL has no host")
BROKER_FORM: Final = Template(
    "config.broker_form", "write mqtt://HOST:1883, or mqtts://HOST:8883 for TLS"
)
BROKER_CREDENTIALS: Final = Template(
    "config.broker_credentials", "the broker's URL contains a user name or a password"
)
SEPARATE_CREDENTIALS: Final = Template(
    "config.separate_credentials",
    "remove them from the URL, and set cloud.username and cloud.password",
)
BROKER_REST: Final = Template("config.broker_rest", "the broker's URL continues after the port")
REMOVE_REST: Final = Template("config.remove_rest", "remove everything after the port")
CREDENTIALS_ALONE: Final = Template(
    "config.credentials_alone", "a user name or a password is set, but no broker"
)
SET_BROKER: Final = Template("config.set_broker", "set cloud.broker, or remove both settings")
LISTEN: Final = Template("config.listen", "{given} is not an IP address with a port")
LISTEN_FORM: Final = Template("config.listen_form", "write them as in 127.0.0.1:9464")
TOKEN_ALONE: Final = Template(
    "config.token_alone", "a token is set, but no address to serve metrics on"
)
SET_LISTEN: Final = Template("config.set_listen", "set metrics.listen, or remove metrics.token")
EXPOSED: Final = Template(
    "config.exposed", "other machines could read the metrics at {address} without a token"
)
SET_TOKEN: Final = Template("config.set_token", "set metrics.token, or listen on 127.0.0.1")

# --- files ----------------------------------------------------------------------------------------

PLACES: Final = Template(
    "config.places", "{place} and {n} other place", "{place} and {n} other places"
)
EXISTING_FILE: Final = Template("config.existing_file", "give the path of an existing file")
FILE_IN_FOLDER: Final = Template(
    "config.file_in_folder", "give the path of the configuration file within that folder"
)
CORRECT_PATH: Final = Template(
    "config.correct_path", "correct the path, or name another state folder with --state"
)
CHECK_DISK: Final = Template("config.check_disk", "check the path and its disk, then try again")
NOTHING_APPLIED: Final = Template("config.nothing_applied", "this gateway has no configuration yet")
APPLY: Final = Template(
    "config.apply",
    "apply one with `kanmon config apply FILE`, or name another state folder with --state",
)
NOT_STARTED: Final = Template(
    "config.not_started", "the process that reads it could not be started: {reason}"
)
NOT_FINISHED: Final = Template(
    "config.not_finished", "the process that reads it did not finish within {limit}"
)
FAILED: Final = Template("config.failed", "the process that reads it ended with exit code {status}")
INVALID_RESULT: Final = Template(
    "config.invalid_result", "the process that reads it returned an invalid result"
)
CHECK_MEMORY: Final = Template(
    "config.check_memory", "check the free memory and disk space, then try again"
)
