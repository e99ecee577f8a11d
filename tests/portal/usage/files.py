"""The address of a device's usage page, and what its CSV file holds."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

    from portal.fleet.models import Device


def csv_file(client: Client, address: str) -> tuple[list[list[str]], HttpResponse]:
    response = client.get(address)
    assert response.status_code == 200
    content = b"".join(response)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == content.count(b"\n")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))), response  # type: ignore[return-value] # the test client's own kind of it


def page_of(device: Device, query: str = "") -> str:
    return f"/devices/{device.pk}/usage/{query}"
