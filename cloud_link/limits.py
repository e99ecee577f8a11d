"""The limits of everything that travels between box and portal: each once, with its reason. Pure.

Both sides import this module, so that neither sends or accepts what the other refuses.
`cloud_link.fields` makes types of the limits of single fields, which every message and record is
decoded by; `cloud_link.validation` checks what fields say together. A limit may grow with a new
version of the software, portals first; it never shrinks.

Two rules for texts:

* A *name* (a device, a quantity, a part, a component) identifies something. One that breaks a
  limit is refused.
* A *text for people* (a display's words, a message, a serial number) identifies nothing. It is
  never a reason to refuse a record: what is too long is cut, or replaced by words that say so, and
  the code that shows or logs one escapes it.

Source: design section 5.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

# Sizes, in bytes

MESSAGE_LIMIT: Final = 65_536
"""One message's body, before and after deflating."""
RECORD_LIMIT: Final = 60_000
"""One record; a larger one would not fit a message beside its header."""
EPOCH_SIZE: Final = 8
"""The name of an epoch: random, so that no two spools ever share one."""
BOOT_SIZE: Final = 8
"""The first bytes of a boot id."""
TABLE_ID_SIZE: Final = 8
DIGEST_SIZE: Final = 32
"""A SHA-256."""
DOCUMENT_LIMIT: Final = 1 << 21
"""A configuration's text: eight times the largest file that the gateway reads."""
DOCUMENT_VALUES: Final = 1 << 17
"""Keys and values of a configuration, at all depths, counted by the marks between them: as many as
the largest file that the gateway reads can hold. A kilobyte of zlib inflates to a million."""

# Numbers

INT64_LEAST: Final = -(1 << 63)
INT64_MOST: Final = (1 << 63) - 1
"""Both databases keep integers of 64 bits, with a sign."""
SEQ_BITS: Final = 40
SEQ_LIMIT: Final = 1 << SEQ_BITS
"""Sequence numbers are below it: a thousand records a second for 35 years."""
ORDINAL_BITS: Final = 22
ORDINAL_LIMIT: Final = 1 << ORDINAL_BITS
"""Ordinals of epochs are below it: an opening of the spool every minute for eight years. With a
sequence number an ordinal makes an order of 62 bits."""
RENEWAL_LIMIT: Final = ORDINAL_LIMIT >> 1
"""A renewal never makes a spool begin an epoch beyond it (`cloud_link.wire.Ack.renew`): the upper
half is for restarts, so that no forged answer uses up what is left."""
SESSION_LIMIT: Final = 1 << 40
"""Session numbers are below it: a thousand sessions a second for 35 years."""
COUNT_LIMIT: Final = 1 << 53
"""Counts of records or readings are below it, so that any program reads them exactly."""
WAIT_LIMIT_MS: Final = 600_000
"""The longest pause that one acknowledgement asks for: a forged one must not silence a box."""
RESOLUTIONS: Final = range(-18, 19)
"""Decimal exponents of a value: beyond these no unit's prefix has a name."""
LEVELS: Final = range(101)
"""A supply's level, in per cent."""

# Times, in milliseconds

BOOT_LIMIT_MS: Final = 1 << 42
"""Times since boot are below it: no boot lasts 139 years."""
EARLIEST_MS: Final = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""Unix time before which nothing here happened."""
LATEST_MS: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""Unix time from which on a clock is wrong rather than ahead."""

# Counts of what one message or record holds

ITEMS_LIMIT: Final = 2_500
"""Records of a batch: more than fit, each with the header that an uplink reckons with."""
TABLES_LIMIT: Final = 2_500
"""Tables of a message."""
EPOCHS_LIMIT: Final = 1_000
"""Epochs of an `Online` message: those of which its box still holds something."""
NAMED_EPOCHS_LIMIT: Final = 1_000
"""Epochs of a box that the portal knows by name only, as nothing of them was received. A spool
remembers 256 of which nothing is left, and those that still hold something."""
ORDINAL_RUNS_LIMIT: Final = 4
"""Runs of ordinals in an `Online` message: a box names two, its newest epochs and some others."""
RUNS_LIMIT: Final = 1_000
"""Runs of numbers in one list of an acknowledgement or a gap record."""
COLUMNS_LIMIT: Final = 500
"""Columns of a table, and values of a data record: even at nine bytes each they fit a record."""
CONDITIONS_LIMIT: Final = 100
"""Conditions of an event: a device with more is broken as a whole."""
SUPPLIES_LIMIT: Final = 100
"""Supplies of an event: the largest printers have about forty."""
EVIDENCE_LIMIT: Final = 50
"""Entries of evidence of one condition that are stored; gateways send no more."""

# Names, in characters

DEVICE_LENGTH: Final = 64
QUANTITY_LENGTH: Final = 40
PART_LENGTH: Final = 100
COMPONENT_LENGTH: Final = 100
CODE_LENGTH: Final = 40
"""The code of a condition, and of a rejection."""
WORD_LENGTH: Final = 24
"""A word of a closed vocabulary: a state, a severity, a reason."""

# Texts for people, in characters

TEXT_LIMIT: Final = 2_000
"""A message, or a text of evidence; a longer one is replaced by a message that says so."""
SAMPLE_TEXT_LIMIT: Final = 4_000
"""A text among readings."""
SENT_TEXT_BYTES: Final = 100
"""Bytes of UTF-8 that a gateway sends of a text among readings: 500 of them still fit a record."""
TEMPLATE_ID_LENGTH: Final = 100
"""The id of a message's template, and the name of one of its arguments."""
ARGUMENTS_LIMIT: Final = 4_000
"""The arguments of a message, as JSON."""
ARGUMENTS_COUNT: Final = 200
"""Values within the arguments of one message, at all depths."""
JSON_DEPTH: Final = 20
"""Levels of lists and objects within each other, in arguments and in a configuration."""
IDENTITY_LENGTHS: Final = {"maker": 100, "model": 100, "serial": 100, "firmware": 100, "mac": 32}
"""What is kept of each field of a device's identity."""
SUPPLY_WORD_LENGTH: Final = 32
"""What is kept of a supply's kind, colour and unit."""
SUPPLY_NAME_LENGTH: Final = 255
LABEL_LENGTH: Final = 200
"""What is kept of a device's label, and of a configuration's author."""
SOFTWARE_LENGTH: Final = 64
"""What is kept of the version of a box's software."""
