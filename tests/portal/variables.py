"""The portal's settings, as an environment with the given variables of ours has them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from portal.environment import model

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_settings(variables: Mapping[str, str]) -> model.Environment:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("KANMON")]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        return model.read()
