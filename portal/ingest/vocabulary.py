"""A name for what this portal understands, so that an upgrade tries again what it did not."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib import metadata
from pathlib import Path

from cloud_link import wire
from drivers import report
from drivers.report import Code, Quantity, Reachability, Severity, State, SupplyState


def fingerprint() -> str:
    """16 hexadecimal digits that differ where another portal may judge a record differently.

    They stand for the version, the words of the vocabulary, and the modules that check records.
    """
    words = [one.value for words in _VOCABULARIES for one in words]
    return blake2b("\0".join([_code(), *words]).encode(), digest_size=8).hexdigest()


_VOCABULARIES = (Quantity, Code, Severity, State, SupplyState, Reachability)


@cache
def _code() -> str:
    """The program's version, and a hash of the modules that check records."""
    digest = blake2b(digest_size=16)
    for module in (report.__file__, wire.__file__, __file__):
        for file in sorted(Path(module).parent.glob("*.py")):
            digest.update(file.read_bytes())
    return f"{metadata.version('kanmon')} {digest.hexdigest()}"
