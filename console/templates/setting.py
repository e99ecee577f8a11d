"""Settings of a device that may be written: why a value is not, and what may be."""

from __future__ import annotations

from typing import Final

from console.text import Template

AMOUNT: Final = Template("setting.amount", "{value} {unit}")
NOT_A_NUMBER: Final = Template("setting.not_a_number", "'{text}' is not a number")
RANGE: Final = Template("setting.range", "enter a number from {least} to {most}")
OUT_OF_RANGE: Final = Template("setting.out_of_range", "{value} is outside the range of '{name}'")
NOT_A_CHOICE: Final = Template("setting.not_a_choice", "'{name}' cannot be set to {value}")
CHOICE: Final = Template("setting.choice", "enter {known}")
CHOICES: Final = Template("setting.choices", "enter one of {known}")
CHOICE_IN_UNIT: Final = Template("setting.choice_in_unit", "enter {known}, in {unit}")
CHOICES_IN_UNIT: Final = Template("setting.choices_in_unit", "enter one of {known}, in {unit}")
INEXACT: Final = Template("setting.inexact", "'{name}' cannot hold {value} exactly")
STEPS: Final = Template("setting.steps", "enter a multiple of {step}")
NOT_WRITABLE: Final = Template(
    "setting.not_writable",
    "the profile of the {maker} {model} does not allow '{name}' to be written",
)
USE_ONE_OF: Final = Template("setting.use_one_of", "use a writable setting: {known}")
USE_THE_DEVICE: Final = Template(
    "setting.use_the_device", "change the setting on the device itself"
)
