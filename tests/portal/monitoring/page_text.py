"""The words of a page, without its tags and the bar above it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client


def page_text(client: Client, address: str) -> str:
    """The words of the page at an address, single spaces between them."""
    content = client.get(address).content.decode()
    content = re.sub(r"<header class=\"bar\">.*?</header>", "", content, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))
