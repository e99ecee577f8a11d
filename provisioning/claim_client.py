"""The way to the portal's claim address: HTTP over TLS by one root, and every failure a code.

Two connections. The first believes nothing and asks for the root, which must fit the pin; the
second believes that root and nothing else, and carries the claim. Over plain HTTP, which an agent
key allows to this very machine only, the root is compared all the same.

No proxy, no redirect, no second try: who calls decides whether to repeat, which does no harm.

One deadline stands over the whole of an exchange: who drips bytes into a handshake, a header or a
body gains no time by it. Only the look-up of a name has the resolver's own limits (resolv.conf(5)):
the standard library cannot end it.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 # a look-up loads it: too late for who gave up root's rights
import http.client
import io
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from provisioning import claim
from provisioning.claim import MOST_BYTES, PATH, Granted, Refused, Request, Welcome, decode
from provisioning.codes import Code, CodedError

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""For one exchange: connection, handshake, question and answer together."""

# X509_V_ERR_... of OpenSSL's x509_vfy.h
_BY_VERDICT: Final = {
    9: Code.CLOCK_BEHIND,
    10: Code.CLOCK_AHEAD,
    62: Code.OTHER_HOST,
    64: Code.OTHER_HOST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the HTTP status and the body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So many seconds from now."""
        return cls(time.monotonic() + seconds)

    def share(self, parts: int) -> Deadline:
        """The first of equal parts of the time that is left."""
        now_s = time.monotonic()
        return Deadline(now_s + (self.at_s - now_s) / parts)

    def hurry(self, stream: socket.socket) -> None:
        """Let the stream's next step end by then; raises `TimeoutError` where it is past."""
        left_s = self.at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        stream.settimeout(left_s)


class _Incoming(io.RawIOBase):
    """What arrives on a stream until the deadline."""

    def __init__(self, stream: socket.socket, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._deadline.hurry(self._stream)
        return self._stream.recv_into(buffer)


class _Timed:
    """As much of a socket as `http.client` uses, every step of it within one deadline.

    A socket's own timeout begins anew with every byte that arrives.
    """

    def __init__(self, stream: socket.socket, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self._deadline.hurry(self._stream)
            left = left[self._stream.send(left) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_Incoming(self._stream, self._deadline))

    def close(self) -> None:
        """Nothing: `http.client` closes before the answer is read; who opened it ends it."""


class ClaimLink:
    """The claim address of one portal.

    Args:
        address: As in `provisioning.agent_key.AgentKey`.
        patience_s: As `PATIENCE_S`.
    """

    def __init__(self, address: str, patience_s: float = PATIENCE_S) -> None:
        parts = urlsplit(address)
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._patience_s = patience_s

    def welcome(self) -> Welcome:
        """What the portal calls its root; nobody has vouched for it yet.

        Raises:
            CodedError: 11xx, 13xx, or what the portal refused with.
        """
        # Believing nothing is the point: the pin decides what is believed from here on.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        answer = self._exchange(context, "GET", b"")
        return _read(Welcome, answer)

    def claim(self, request: Request, root: str) -> Granted:
        """Post a claim to whoever ``root`` vouches for.

        Raises:
            CodedError: 11xx, 12xx, 13xx, or what the portal refused with.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.hostname_checks_common_name = False
        context.load_verify_locations(cadata=root)
        answer = self._exchange(context, "POST", claim.encode(request))
        return _read(Granted, answer)

    def _exchange(self, context: ssl.SSLContext, method: str, body: bytes) -> Answer:
        deadline = Deadline.after(self._patience_s)
        plain = self._connect(deadline)
        with _told(Code.NO_ANSWER), plain:
            connected = plain
            if self._tls:
                deadline.hurry(plain)  # the handshake as a whole ends by it
                connected = context.wrap_socket(plain, server_hostname=self._host)
            with connected:
                return self._ask(_Timed(connected, deadline), method, body)

    def _ask(self, stream: _Timed, method: str, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.auto_open = 0  # never a second connection, which nobody has checked
        connection.sock = stream
        headers = {"Content-Type": "application/json", "Connection": "close"}
        connection.request(method, PATH, body=body or None, headers=headers)
        with connection.getresponse() as response:
            content = response.read(MOST_BYTES + 1)
            if response.length and len(content) <= MOST_BYTES:
                raise CodedError(Code.BROKEN_OFF)
            return Answer(status=response.status, body=content)

    def _connect(self, deadline: Deadline) -> socket.socket:
        """A connection to the first of the host's addresses that takes one.

        Each has its share of the time, so that one that is silent does not use up the others'.
        """
        with _told(Code.NO_CONNECTION):
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            failed: OSError | None = None
            for place, (family, kind, protocol, _, address) in enumerate(found):
                try:
                    stream = socket.socket(family, kind, protocol)
                except OSError as error:
                    failed = error  # a family that this machine does not have
                    continue
                try:
                    deadline.share(len(found) - place).hurry(stream)
                    stream.connect(address)
                except OSError as error:
                    stream.close()
                    failed = error
                else:
                    return stream
            raise failed or OSError("the name has no address")


def _read(kind: type[T], answer: Answer) -> T:
    if len(answer.body) > MOST_BYTES:
        raise CodedError(Code.NOT_THE_PORTAL, f"it answers more than {MOST_BYTES} bytes")
    if answer.status != HTTPStatus.OK:
        raise _refusal(answer)
    return decode(kind, answer.body, wrong=Code.NOT_THE_PORTAL)


def _refusal(answer: Answer) -> CodedError:
    """What an answer other than 200 means: the portal's own code, where it is the portal's."""
    try:
        refused = decode(Refused, answer.body, wrong=Code.NOT_THE_PORTAL)
    except CodedError:
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return CodedError(Code.UNAVAILABLE, f"HTTP {answer.status}")
        return CodedError(Code.NOT_THE_PORTAL, f"HTTP {answer.status}")
    # It is shown on a terminal, and on the first connection it may be anybody's.
    try:
        return CodedError(Code(refused.code), _printable(refused.detail))
    except ValueError:
        words = f"{refused.code}: {refused.cause} {refused.detail} {refused.next}"
        return CodedError(Code.OTHER_REASON, _printable(words)[:500])


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


@contextmanager
def _told(late: Code) -> Iterator[None]:
    """Whatever the standard library raises, as a code; ``late`` for a time that ran out."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        code = _BY_VERDICT.get(error.verify_code, Code.OTHER_ISSUER)
        raise CodedError(code, error.verify_message) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise CodedError(Code.BROKEN_OFF, "within TLS") from error
    except ssl.SSLError as error:
        raise CodedError(Code.NO_TLS, error.reason or str(error)) from error
    except socket.gaierror as error:
        raise CodedError(Code.NAME_NOT_FOUND, error.strerror or "") from error
    except TimeoutError as error:
        raise CodedError(late) from error
    except (http.client.RemoteDisconnected, http.client.IncompleteRead) as error:
        raise CodedError(Code.BROKEN_OFF) from error
    except http.client.HTTPException as error:
        raise CodedError(Code.NOT_THE_PORTAL, "it does not speak HTTP") from error
    except (ConnectionResetError, BrokenPipeError, ConnectionAbortedError) as error:
        raise CodedError(Code.BROKEN_OFF) from error
    except (OSError, UnicodeError) as error:
        raise CodedError(Code.NO_CONNECTION, getattr(error, "strerror", "") or "") from error
