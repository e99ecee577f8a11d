"""A good configuration, and what is found wrong with others."""

from __future__ import annotations

import pytest

from config.finding import ConfigError, Finding
from config.reading import read

GOOD = """\
version: 1
site: {time_zone: Asia/Tokyo}
cloud: {broker: "mqtt://127.0.0.1:1883"}
devices:
  - {name: main, url: "modbus-tcp://127.0.0.1:1502/?unit=1&profile=x", current_ratio: 0.1}
"""


def findings(text: str | bytes) -> tuple[Finding, ...]:
    with pytest.raises(ConfigError) as caught:
        read(text.encode() if isinstance(text, str) else text, "gateway.yaml")
    return caught.value.findings
