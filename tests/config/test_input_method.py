"""What an input method for Japanese writes into a configuration."""

from __future__ import annotations

import pytest

from config.finding import ConfigError
from config.reading import read
from tests.config.readings import GOOD, findings


@pytest.mark.parametrize(
    ("text", "place", "what", "step"),
    [
        ("gateway:\n  label:　x\n", "7:9", "full-width space", "ordinary space"),
        ("gateway:\n  label：x\n", "7:8", "'：' is a full-width", "':' and a space"),
        ("gateway:\n  label:x\n", "7:3", "the space after 'label:'", "'label: x'"),
        ("gateway:\n  label x\n", "7:3", "the colon after 'label'", "'label: x'"),
        ("gateway: {heartbeat_s: ３００}\n", "6:24", "'３'", "write '300'"),
        ("gateway: {heartbeat_s: '３００'}\n", "6:25", "'３'", "write '300'"),
        ("gateway: {heartbeat_s 300}\n", "6:11", "the colon after", "'heartbeat_s: 300'"),
        ("spool: ［］\n", "6:8", "'［'", "write '[]'"),
        ("  - {name: ｂ, url: 'modbus-tcp://h'}\n", "6:12", "'ｂ'", "write 'b'"),
        ("  - {name: b, url: 'modbus-tcp：//h'}\n", "6:31", "'：'", "'modbus-tcp://h'"),
        (
            "  - {name: b, url: “modbus-tcp://h”}\n",
            "6:20",
            "“ is a typographic",
            '"modbus-tcp://h" instead',
        ),
        (
            "  - {name: 主幹, url: 'modbus-tcp://h'}\n",
            "6:12",
            "'主幹' is not a valid name",
            "a to z",
        ),
        ("gateway:\nlabel: x\n", "7:1", "'label' is unknown", "indent it below 'gateway:'"),
    ],
)
def test_what_an_input_method_wrote_is_named(text: str, place: str, what: str, step: str) -> None:
    first = next(one for one in findings(GOOD + text) if one.next and what in str(one.what))
    assert first.location
    assert f"{first.location.line}:{first.location.column}" == place
    assert step in str(first.next)


@pytest.mark.parametrize(
    ("text", "place", "code", "step"),
    [
        (
            "version： 1\nsite：\n  time_zone：Asia/Tokyo\n",
            (1, 8),
            "yaml.full_width",
            "yaml.write_colon",
        ),
        (
            "version: １\nsite: {time_zone: UTC}\n",
            (1, 10),
            "yaml.full_width",
            "yaml.write_ascii",
        ),
        (
            "version: 1\nsite: {time_zone: UTC}\ndevices: 【】\n",
            (3, 10),
            "yaml.full_width",
            "yaml.write_ascii",
        ),
        (
            "version: 1\nsite: {time_zone: ‘UTC’}\n",
            (2, 19),
            "yaml.typographic_quote",
            "yaml.write_quote",
        ),
    ],
)
def test_a_file_typed_with_an_input_method_is_refused_at_its_first_fault(
    text: str, place: tuple[int, int], code: str, step: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text.encode(), "f.yaml")
    finding = caught.value.findings[0]
    assert finding.location is not None
    assert (finding.location.line, finding.location.column) == place
    assert (finding.what.id, finding.next.id) == (code, step)
