"""The manual pages, built by Sphinx from the commands' pages of the reference."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from console.wrapping import pieces

PROGRAMS: Final = ("kanmon", "kanmon-portal")
NAMES: Final = tuple(f"{program}{tongue}" for program in PROGRAMS for tongue in ("", ".ja"))
_NAME: Final = {"": "NAME", ".ja": "名前"}


@cache
def built(root: Path) -> dict[str, str]:
    """Each manual page by its name, ``kanmon.ja``.

    Raises:
        RuntimeError: Sphinx could not build them without a warning.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "source"), Path(folder, "man")
        for name in NAMES:
            page = Path("docs/reference") / f"{name}.md"
            (source / page).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / page, source / page)
        command = [sys.executable, "-m", "sphinx", "-b", "man", "-W", "--keep-going", "-q"]
        command += ["-c", str(Path(__file__).parent), "-D", f"root_doc=docs/reference/{NAMES[0]}"]
        # That links lead somewhere is for the site, which has all pages.
        command += ["-D", "suppress_warnings=myst.xref_missing,toc.not_included"]
        done = subprocess.run(
            [*command, str(source), str(made)],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or done.stdout.strip())
        return {name: _finished(name, (made / f"{name}.1").read_text("utf-8")) for name in NAMES}


def _finished(name: str, text: str) -> str:
    """A page as a reader of manuals takes it, the same whatever the version of docutils."""
    program, japanese = name.removesuffix(".ja"), name.endswith(".ja")
    text = re.sub(r'^\.\\".*\n|^\.\n', "", text, flags=re.M)  # comments
    text = re.sub(r"^(\.S[HS] .*\n)\.sp\n", r"\1", text, flags=re.M)  # mandoc warns of it
    # What stands above the first heading is for the site.
    text = re.sub(r"(\.SH NAME\n.*\n)(?:(?!\.SH).*\n)*", r"\1", text)
    text = text.replace(r" \%<>", "")  # the target of a link to another page
    if japanese:
        text = text.replace(name, program).replace(name.upper(), program.upper())
        text = text.replace(".SH NAME\n", ".SH 名前\n")
        text = ".nh\n.ad l\n" + "\n".join(_breakable(line) for line in text.split("\n"))
    return f'.\\" Built by scripts/docs from docs/reference/{name}.md.\n{text.rstrip()}\n'


def _breakable(line: str) -> str:
    r"""A line in which ``\:`` says where a line of wide characters may end."""
    if line.isascii() or line.startswith(".S"):
        return line
    name, dash, said = line.rpartition(" \\- ")  # whatis reads this line
    return name + dash + "\\:".join(pieces(said))
