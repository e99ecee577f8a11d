"""What is wrong with one value of a file that a person writes: a configuration or a profile."""

from __future__ import annotations

from typing import Final

from console.text import Template

NOT_TEXT: Final = Template("value.not_text", "text is expected here, not {given}")
QUOTE: Final = Template("value.quote", "put it in quotation marks")
EMPTY_TEXT: Final = Template("value.empty_text", "the text is empty")
FILL_IN: Final = Template("value.fill_in", "write at least one character")
LONG_TEXT: Final = Template("value.long_text", "the text is too long")
CHARACTERS_AT_MOST: Final = Template("value.characters_at_most", "write at most {limit} characters")
NOT_A_NAME: Final = Template("value.not_a_name", "{given} is not a valid name")
NOT_WHOLE: Final = Template("value.not_whole", "a whole number is expected here, not {given}")
WRITE_WHOLE: Final = Template("value.write_whole", "write a whole number, without a unit")
NOT_A_NUMBER: Final = Template("value.not_a_number", "a number is expected here, not {given}")
WRITE_NUMBER: Final = Template("value.write_number", "write a number, without a unit")
NOT_FINITE: Final = Template("value.not_finite", "{given} is not a finite number")
TOO_SMALL: Final = Template("value.too_small", "{given} is too small")
AT_LEAST: Final = Template("value.at_least", "write {limit} or more")
MORE_THAN: Final = Template("value.more_than", "write more than {limit}")
TOO_LARGE: Final = Template("value.too_large", "{given} is too large")
AT_MOST: Final = Template("value.at_most", "write {limit} or less")
NOT_A_CHOICE: Final = Template("value.not_a_choice", "{given} is not one of the possible values")
USE: Final = Template("value.use", "use {known}")
USE_ONE_OF: Final = Template("value.use_one_of", "use one of {known}")
NOT_A_SECTION: Final = Template("value.not_a_section", "a section is expected here, not {given}")
WRITE_SECTION: Final = Template(
    "value.write_section", "write its settings on the lines below it, indented"
)
NOT_A_LIST: Final = Template("value.not_a_list", "a list is expected here, not {given}")
WRITE_LIST: Final = Template(
    "value.write_list", "write each entry on a line of its own, after a dash"
)
UNKNOWN_SETTING: Final = Template("value.unknown_setting", "the setting '{name}' is unknown")
MISSING: Final = Template("value.missing", "the setting '{name}' is missing")
REMOVE_ONE: Final = Template("value.remove_one", "remove one of the two")
