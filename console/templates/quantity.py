"""Parts of quantities, such as a phase or a tariff: why one is not allowed."""

from __future__ import annotations

from typing import Final

from console.text import Template

NO_PARTS: Final = Template("quantity.no_parts", "{quantity} has no parts")
UNKNOWN_PART: Final = Template("quantity.unknown_part", "{quantity} has no part '{part}'")
REMOVE_PART: Final = Template("quantity.remove_part", "remove the part")
UNSORTED_KEYS: Final = Template(
    "quantity.unsorted_keys", "the keys of the part '{part}' are not sorted, or one is repeated"
)
SORT_KEYS: Final = Template("quantity.sort_keys", "sort the keys, and give each one once")
CORRECT_VALUE: Final = Template(
    "quantity.correct_value", "correct the value of {key}, or remove {key} from the part"
)
UNKNOWN_VALUE: Final = Template(
    "quantity.unknown_value", "'{value}' is not a value of {key} in the part '{part}'"
)
