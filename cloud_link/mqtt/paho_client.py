"""paho's client, mended in the two places where TLS is lost on it."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Final

from paho.mqtt.client import Client

NO_GREETING: Final = "check that this port speaks MQTT, in this version, with or without TLS"


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
    def ended_step(self) -> str:
        """What to do about a connection that ended before the broker greeted."""
        if self.alert:
            return next_step(self.alert)
        if self._ssl_context is None:
            return NO_GREETING
        # A no to our certificate can be lost with the connection that carried it.
        return f"{NO_GREETING}; if it is this certificate, have it issued again"

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
            # A link that was cut is an SSLError, too, and no word of the peer's.
            self.alert = told(error) if "alert" in told(error) else ""
            raise


def told(error: ssl.SSLError) -> str:
    """What TLS said, in small letters."""
    return str(error.reason or error).lower().replace("_", " ")


def next_step(alert: str) -> str:
    """What to do about it."""
    if "alert" in alert:
        return "the certificate may have ended or been revoked; have it issued again"
    return "check that this port speaks TLS"
