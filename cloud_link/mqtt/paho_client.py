"""paho's client, mended in the two places where TLS is lost on it."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from types import ModuleType

from cloud_link.mqtt.broker import UnreachableError
from console.templates import mqtt, system
from console.text import Message


@contextmanager
def _without_http() -> Iterator[None]:
    """Let paho find no `urllib.request` while it is imported: HTTP and mail would keep 1.4 MB.

    It asks that module for a proxy, and only where PySocks is installed: then it gets it.
    """
    if "urllib.request" in sys.modules or find_spec("socks") is not None:
        yield
        return
    sys.modules["urllib.request"] = ModuleType("urllib.request")
    try:
        yield
    finally:
        del sys.modules["urllib.request"]


with _without_http():
    from paho.mqtt.client import Client


class TlsAwareClient(Client):
    """A client whose failed handshakes leave no socket open, and that keeps the peer's alert.

    In TLS 1.3 a server looks at our certificate only after our side of the handshake is done: its
    no comes with the first read, where paho takes it for any lost connection.

    Attributes:
        alert: What TLS said when it ended, such as ``sslv3 alert certificate revoked``; else "".

    Source: RFC 8446 sections 4.4.2.4 and 6.2.
    """

    alert = ""

    @property
    def next_step(self) -> Message:
        """The next step for a connection that ended before CONNACK."""
        if self.alert:
            return _tls_next_step(self.alert)
        if self._ssl_context is None:
            return mqtt.CHECK_VERSION()
        # A no to our certificate can be lost with the connection that carried it.
        return mqtt.CHECK_VERSION_OR_CERTIFICATE()

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        context = self._ssl_context
        assert context is not None, "called with a TLS context only"
        wrapped = context.wrap_socket(
            tcp_sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        try:
            wrapped.settimeout(self.connect_timeout)
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped

    def _sock_send(self, buf: bytes | bytearray) -> int:
        try:
            return super()._sock_send(buf)
        except (ConnectionError, ssl.SSLEOFError):
            # The peer hung up; why, it may have said before.
            with suppress(OSError):
                self._sock_recv(1)
            raise

    def _sock_recv(self, bufsize: int) -> bytes:
        try:
            return super()._sock_recv(bufsize)
        except ssl.SSLError as error:
            # A connection that broke is an SSLError, too, and no alert of the peer's.
            text = tls_alert_text(error)
            self.alert = text if "alert" in text else ""
            raise


def tls_alert_text(error: ssl.SSLError) -> str:
    """The alert that ended TLS, in small letters, such as ``sslv3 alert certificate revoked``."""
    return str(error.reason or error).lower().replace("_", " ")


def tls_ended(where: str, alert: str) -> UnreachableError:
    """The error of a connection that ended with ``alert``, as `tls_alert_text` gives it."""
    why = mqtt.TLS_ALERT(alert=alert) if "alert" in alert else system.TLS_REASON(reason=alert)
    return UnreachableError(where, mqtt.TLS_ENDED(), _tls_next_step(alert), why=why, alert=alert)


def _tls_next_step(alert: str) -> Message:
    return mqtt.REISSUE() if "alert" in alert else mqtt.CHECK_TLS()
