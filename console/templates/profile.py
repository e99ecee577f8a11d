"""Profiles of meters: what is wrong with one, and how it is written."""

from __future__ import annotations

from typing import Final

from console.text import Template

# Finding and reading one.
UNKNOWN: Final = Template("profile.unknown", "the profile '{name}' does not exist")
INVALID: Final = Template("profile.invalid", "the profile '{name}' is not valid: {problem}")
CORRECT: Final = Template("profile.correct", "correct the profile '{name}'")
UNREADABLE: Final = Template("profile.unreadable", "the profile cannot be read")
MAKE_READABLE: Final = Template("profile.make_readable", "let the gateway's user read the file")
NOT_LOADED: Final = Template("profile.not_loaded", "the profile '{name}' is not loaded")
APPLY_AGAIN: Final = Template("profile.apply_again", "apply the configuration again")
NOT_A_PROFILE: Final = Template("profile.not_a_profile", "the file does not contain a profile")
START_WITH_VERSION: Final = Template(
    "profile.start_with_version", "begin the file with the line 'version: 1'"
)
OWN_BASE: Final = Template("profile.own_base", "a profile cannot be its own base")
OTHER_BASE: Final = Template("profile.other_base", "name another profile as base, or remove base")
BASE_OF_BASE: Final = Template(
    "profile.base_of_base", "a profile with a base cannot be the base of another one"
)
USE_ITS_BASE: Final = Template(
    "profile.use_its_base", "use '{base}' as base, or remove base from this file"
)

# Single values.
NAME_FORM: Final = Template("profile.name_form", "use a to z, 0 to 9 and hyphens")
ADD_TO_FILE: Final = Template("profile.add_to_file", "add it to the file")
ADD_TO_ENTRY: Final = Template("profile.add_to_entry", "add it to this entry")
UNKNOWN_QUANTITY: Final = Template("profile.unknown_quantity", "'{name}' is not a known quantity")
SAME_NUMBER: Final = Template("profile.same_number", "{first} and {second} are the same number")
REVERSED_RANGE: Final = Template("profile.reversed_range", "last {last} is before first {first}")

# What a point or a setting says against itself.
NOT_A_COMPONENT: Final = Template(
    "profile.not_a_component", "'{component}' cannot be the name of a component"
)
COMPONENT_FORM: Final = Template(
    "profile.component_form",
    "use at most {limit} characters in one line, with single spaces between words",
)
NO_MEANING: Final = Template("profile.no_meaning", "the meaning of the point is missing")
SEVERAL_MEANINGS: Final = Template(
    "profile.several_meanings", "the point has several meanings: {given}"
)
ONE_MEANING: Final = Template("profile.one_meaning", "give exactly one of {known}")
NEEDS_QUANTITY: Final = Template("profile.needs_quantity", "part and scale require a quantity")
WRONG_TABLE: Final = Template(
    "profile.wrong_table", "the type {type} does not fit the table {table}"
)
NO_LENGTH: Final = Template("profile.no_length", "a text requires registers, its length")
LENGTH_OF_NUMBER: Final = Template(
    "profile.length_of_number", "registers is for texts only, not for {type}"
)
PAST_END: Final = Template(
    "profile.past_end", "the value ends at register {last}, and the last register is 65535"
)
NOT_A_KEY: Final = Template(
    "profile.not_a_key", "states, bits, values and match require a whole number, not {type}"
)
ABSENT_OF: Final = Template("profile.absent_of", "absent requires a whole number, not {type}")
WRONG_TYPE: Final = Template("profile.wrong_type", "{quantity} cannot have the type {type}")
NO_RESOLUTION: Final = Template("profile.no_resolution", "{type} requires a resolution")
ADD_RESOLUTION: Final = Template(
    "profile.add_resolution", "add resolution, for example -1 for tenths"
)
ZERO_SCALE: Final = Template("profile.zero_scale", "the scale is 0, which would make every value 0")
COARSE_RESOLUTION: Final = Template(
    "profile.coarse_resolution", "resolution {resolution} is too coarse for scale {scale}"
)
NOT_WRITABLE: Final = Template("profile.not_writable", "the type {type} cannot be written")
READ_ONLY_TABLE: Final = Template("profile.read_only_table", "the table {table} cannot be written")
REVERSED_LIMITS: Final = Template("profile.reversed_limits", "max {max} is less than min {min}")
CHOICE_OUT_OF_RANGE: Final = Template(
    "profile.choice_out_of_range", "only has a value outside {min} to {max}"
)
RANGE_TOO_WIDE: Final = Template(
    "profile.range_too_wide", "the type {type} cannot hold every value from {min} to {max}"
)

# What its parts say against each other.
NO_POINTS: Final = Template("profile.no_points", "the profile has no points")
SECOND_POINT: Final = Template(
    "profile.second_point", "{target} is already read by the point at {first}"
)
UNKNOWN_GROUP: Final = Template("profile.unknown_group", "the group '{name}' does not exist")
EMPTY_GROUP: Final = Template("profile.empty_group", "the group '{name}' has no points")
READABLE_AND_FORBIDDEN: Final = Template(
    "profile.readable_and_forbidden", "{first} to {last} is both readable and forbidden"
)
LONG_POINT: Final = Template(
    "profile.long_point",
    "the point takes {registers} registers, and max_registers allows {limit} in one read",
)
FORBIDDEN: Final = Template(
    "profile.forbidden", "the point is in the forbidden range {first} to {last}"
)

# What to do about these.
SWAP_ENDS: Final = Template("profile.swap_ends", "swap first and last")
ADD_QUANTITY: Final = Template("profile.add_quantity", "add a quantity, or remove part and scale")
TYPE_BY_TABLE: Final = Template(
    "profile.type_by_table",
    "use the type bit for coil and discrete, and another type for holding and input",
)
ADD_REGISTERS: Final = Template(
    "profile.add_registers", "add registers: the number of registers that the text takes"
)
REMOVE_REGISTERS: Final = Template("profile.remove_registers", "remove registers")
CORRECT_ADDRESS: Final = Template("profile.correct_address", "correct the address or the type")
WHOLE_TYPE: Final = Template("profile.whole_type", "use a whole-number type, such as uint16")
WHOLE_TYPE_OR_NO_ABSENT: Final = Template(
    "profile.whole_type_or_no_absent", "use a whole-number type, or remove absent"
)
TYPE_BY_QUANTITY: Final = Template(
    "profile.type_by_quantity",
    "use string or wide_string for a note, and a number type for any other quantity",
)
NONZERO_SCALE: Final = Template("profile.nonzero_scale", "use a scale other than 0")
FINER_RESOLUTION: Final = Template(
    "profile.finer_resolution", "use a resolution of {limit} or less"
)
WRITABLE_TYPE: Final = Template("profile.writable_type", "use a number type or bit")
WRITABLE_TABLE: Final = Template("profile.writable_table", "use the table holding or coil")
SWAP_LIMITS: Final = Template("profile.swap_limits", "swap min and max")
CORRECT_CHOICES: Final = Template("profile.correct_choices", "correct only, min or max")
NARROW_RANGE: Final = Template("profile.narrow_range", "narrow min and max, or use a larger type")
ADD_POINT: Final = Template("profile.add_point", "add at least one point")
REMOVE_POINT: Final = Template("profile.remove_point", "remove one of the two points")
FILL_GROUP: Final = Template("profile.fill_group", "remove the group, or put a point in it")
REMOVE_OVERLAP: Final = Template(
    "profile.remove_overlap", "remove the overlap from readable or from forbidden"
)
RAISE_LIMIT: Final = Template("profile.raise_limit", "raise max_registers if the device allows it")
LEAVE_RANGE: Final = Template(
    "profile.leave_range", "correct the address, or narrow the forbidden range"
)
