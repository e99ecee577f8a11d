"""The published description of the wire is what the code does."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import msgspec
import yaml

from cloud_link import topics, wire

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "reference" / "asyncapi.yaml"


def script() -> Any:
    loader = SourceFileLoader("asyncapi_script", str(ROOT / "scripts" / "asyncapi"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


def test_the_published_description_is_the_codes() -> None:
    assert TARGET.read_text("utf-8") == script().as_text(), "run scripts/asyncapi"


def test_every_channel_is_described_with_the_topic_the_code_spells() -> None:
    channels = yaml.safe_load(TARGET.read_text("utf-8"))["channels"]
    spelt = {topics.up("b-1", up) for up in topics.Up}
    spelt |= {topics.down("b-1", down) for down in topics.Down}
    assert {entry["address"].replace("{box}", "b-1") for entry in channels.values()} == spelt


def test_every_reference_leads_somewhere() -> None:
    document = yaml.safe_load(TARGET.read_text("utf-8"))

    def follow(node: object) -> None:
        if isinstance(node, list):
            for item in node:
                follow(item)
        if isinstance(node, dict):
            target: Any = document
            for step in str(node.get("$ref", "#")).split("/")[1:]:
                target = target[step]
            for item in node.values():
                follow(item)

    follow(document)


def test_positions_are_those_of_the_encoded_message() -> None:
    ack = wire.Ack(wire.VERSION, b"e" * 8, wire.Lane.DATA, ok=((1, 9),), renew=4)
    encoded = msgspec.msgpack.decode(wire.encode(ack))
    described = yaml.safe_load(TARGET.read_text("utf-8"))["components"]["schemas"]["Ack"]
    names = [position["title"] for position in described["prefixItems"]]
    assert dict(zip(names, encoded, strict=True)) == {
        "version": 1,
        "epoch": b"e" * 8,
        "lane": 3,
        "ok": [[1, 9]],
        "rejected": [],
        "need_table": [],
        "conflict": [],
        "renew": 4,
        "resend": [],
        "wait_ms": 0,
    }
