"""Wrong usage, as click finds it: our sentences and their arguments, in both languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from console import language, usage
from console.failure import ErrorDescription, show_error
from console.templates.control import DID_YOU_MEAN
from console.text import Message

JAPANESE = language.translations("ja")
CLICK_S = re.compile(r"No such|Missing|Invalid|Got unexpected|requires|range|(?<!\w)'")


@click.group()
@click.option("--lang", type=click.Choice(["en", "ja"]))
def root(lang: str | None) -> None:
    """Do things."""


@root.group()
def device() -> None:
    """Name a command of devices."""


@device.command("list")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.argument("places", nargs=-1, type=click.Path(exists=True, file_okay=False))
@click.option("--count", type=click.IntRange(1, 64))
@click.option("--every", type=click.FloatRange(0.1, 3600))
@click.option("--name", required=True)
@click.option("--json", is_flag=True)
def listing(**given: Any) -> None:
    """List devices."""


@root.command()
@click.option("--json", is_flag=True)
def status(*, json: bool) -> None:
    """Show the state."""


def described(words: Sequence[str]) -> ErrorDescription:
    with pytest.raises(click.UsageError) as raised:
        root.main(list(words), prog_name="kanmon", standalone_mode=False)
    return usage.describe_usage(raised.value, root, "kanmon", words)[0]


LIST = ("device", "list", "--name", "x")
HERE = str(Path(__file__))
FOLDER = str(Path(__file__).parent)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("staus",), usage.NO_SUCH_COMMAND(name="staus")),
        (("device", "lst"), usage.NO_SUCH_COMMAND(name="lst")),
        (("status", "--jsn"), usage.NO_SUCH_OPTION(name="--jsn")),
        (("status", "-x"), usage.NO_SUCH_OPTION(name="-x")),
        (("--json", "status"), usage.OPTION_TOO_EARLY(name="--json")),
        (("status", "a", "b"), usage.EXTRA_ARGUMENT(value="a")),
        (("status", "--json=3"), usage.TAKES_NO_VALUE(name="--json")),
        (("--lang",), usage.NEEDS_VALUE(name="--lang")),
        (("--lang", "en", "device", "list", "--every"), usage.NEEDS_VALUE(name="--every")),
        (
            ("--lang", "fr", "status"),
            usage.NOT_A_CHOICE(name="--lang", value="fr", choices=("en", "ja")),
        ),
        (LIST, usage.MISSING_ARGUMENT(name="FILE")),
        (("device", "list", HERE), usage.MISSING_OPTION(name="--name")),
        ((*LIST, HERE, "--count", "x'"), usage.NOT_AN_INTEGER(name="--count", value="x'")),
        ((*LIST, HERE, "--count=0"), usage.TOO_SMALL(name="--count", value="0", limit=1)),
        ((*LIST, HERE, "--count=65"), usage.TOO_LARGE(name="--count", value="65", limit=64)),
        ((*LIST, HERE, "--every", "x"), usage.NOT_A_NUMBER(name="--every", value="x")),
        ((*LIST, HERE, "--every=0"), usage.TOO_SMALL(name="--every", value="0", limit=0.1)),
        ((*LIST, "/none"), usage.PATH_MISSING(name="FILE", value="/none")),
        ((*LIST, FOLDER), usage.PATH_IS_FOLDER(name="FILE", value=FOLDER)),
        ((*LIST, HERE, FOLDER, HERE), usage.PATH_IS_FILE(name="PLACES", value=HERE)),
    ],
)
def test_a_fault_names_the_word_that_is_wrong(words: Sequence[str], what: Message) -> None:
    error = described(words)

    assert error.what == what
    assert error.where == ""
    assert not CLICK_S.search(error.what.format(JAPANESE).replace("x'", ""))
    assert error.to_json()["args"] == what.args_json()


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (("device", "lst"), DID_YOU_MEAN(name="list")),
        (("status", "--jsn"), DID_YOU_MEAN(name="--json")),
        (("--json", "status"), usage.WRITE_AFTER(name="--json")),
        (("device", "list", "--every"), usage.SEE_HELP(command="kanmon device list")),
        (("status", "a"), usage.SEE_HELP(command="kanmon status")),
    ],
)
def test_the_next_step_is_the_word_that_was_meant_else_the_help(
    words: Sequence[str], step: Message
) -> None:
    assert described(words).next == step


def test_text_and_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("device", "lst")
    with pytest.raises(click.UsageError) as raised:
        root.main(list(words), prog_name="kanmon", standalone_mode=False)

    assert usage.show_usage_error("kanmon", raised.value, root, words) == 3
    text = capsys.readouterr().err
    assert text.startswith("Usage: kanmon device [OPTIONS] COMMAND [ARGS]...\n")
    show_error("kanmon", described(words), as_json=False)
    assert text.endswith(capsys.readouterr().err)
