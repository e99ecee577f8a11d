"""The client of the portal's claim address: HTTP over TLS by one root, every failure a code.

Two connections. The first trusts nothing and asks for the root, which must fit the pin; the second
trusts that root and nothing else, and carries the claim. Over plain HTTP, which an agent key allows
to this machine only, the root is compared all the same.

No proxy, no redirect, no retry: the caller decides whether to repeat, which does no harm.

One deadline covers the whole of an exchange: a peer that drips bytes into a handshake, a header or
a body gains no time by it. Only the look-up of a name has the resolver's own limits
(resolv.conf(5)): the standard library cannot end it.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 # loaded by a look-up: too late once root's rights are dropped
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

from console import catalogue
from console.templates import enrol, system
from console.text import NO_MESSAGE, Message, verbatim
from provisioning import claim
from provisioning.claim import (
    MOST_BYTES,
    MOST_REFUSAL_BYTES,
    PATH,
    ClaimGrant,
    ClaimRefusal,
    ClaimRequest,
    PortalRoot,
    decode,
)
from provisioning.codes import Code, CodedError, PortalRefusalError

T = TypeVar("T")

TIMEOUT_S: Final = 30.0
"""Seconds for one exchange: connection, handshake, request and response together."""

# X509_V_ERR_... of OpenSSL's x509_vfy.h
_BY_VERDICT: Final = {
    9: Code.CLOCK_BEHIND,
    10: Code.CLOCK_AHEAD,
    62: Code.OTHER_HOST,
    64: Code.OTHER_HOST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response: its status and its body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time of the monotonic clock, in seconds."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline that is ``seconds`` from now."""
        return cls(time.monotonic() + seconds)

    def fraction(self, parts: int) -> Deadline:
        """The deadline after one of ``parts`` equal parts of the time that is left."""
        now_s = time.monotonic()
        return Deadline(now_s + (self.at_s - now_s) / parts)

    def apply_to(self, stream: socket.socket) -> None:
        """Set the stream's timeout to the time left; raises `TimeoutError` where none is left."""
        left_s = self.at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        stream.settimeout(left_s)


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until a deadline."""

    def __init__(self, stream: socket.socket, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._deadline.apply_to(self._stream)
        return self._stream.recv_into(buffer)


class _DeadlineSocket:
    """The methods of a socket that `http.client` uses, all of them within one deadline.

    A socket's own timeout begins anew with every byte that arrives.
    """

    def __init__(self, stream: socket.socket, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self._deadline.apply_to(self._stream)
            left = left[self._stream.send(left) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_DeadlineReader(self._stream, self._deadline))

    def close(self) -> None:
        """Do nothing: `http.client` closes before the body is read; the opener closes it."""


class ClaimClient:
    """A client of one portal's claim address.

    Args:
        address: The address in an agent key; see `provisioning.agent_key.AgentKey`.
        timeout_s: Seconds for one exchange; see `TIMEOUT_S`.
    """

    def __init__(self, address: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(address)
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._timeout_s = timeout_s

    def fetch_root(self) -> PortalRoot:
        """Fetch the certificate that the portal calls its root; nothing has verified it yet.

        Raises:
            CodedError: 11xx, 13xx, or the code of the portal's refusal.
        """
        # On purpose without verification: the pin decides what is trusted from here on.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        response = self._exchange(context, "GET", b"")
        return _read(PortalRoot, response)

    def claim(self, request: ClaimRequest, root: str) -> ClaimGrant:
        """Post a claim to the portal, whose certificate ``root`` must have issued.

        Raises:
            CodedError: 11xx, 12xx, 13xx, or the code of the portal's refusal.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.hostname_checks_common_name = False
        context.load_verify_locations(cadata=root)
        response = self._exchange(context, "POST", claim.encode(request))
        return _read(ClaimGrant, response)

    def _exchange(self, context: ssl.SSLContext, method: str, body: bytes) -> Response:
        deadline = Deadline.after(self._timeout_s)
        plain = self._connect(deadline)
        with _translate_errors(Code.NO_ANSWER), plain:
            connected = plain
            if self._tls:
                deadline.apply_to(plain)  # the handshake as a whole ends by it
                connected = context.wrap_socket(plain, server_hostname=self._host)
            with connected:
                return self._ask(_DeadlineSocket(connected, deadline), method, body)

    def _ask(self, stream: _DeadlineSocket, method: str, body: bytes) -> Response:
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.auto_open = 0  # never a second connection, which nobody has checked
        connection.sock = stream
        headers = {"Content-Type": "application/json", "Connection": "close"}
        connection.request(method, PATH, body=body or None, headers=headers)
        with connection.getresponse() as response:
            content = response.read(MOST_BYTES + 1)
            if response.length and len(content) <= MOST_BYTES:
                raise CodedError(Code.BROKEN_OFF)
            return Response(status=response.status, body=content)

    def _connect(self, deadline: Deadline) -> socket.socket:
        """Connect to the first of the host's addresses that accepts.

        Each gets a fraction of the time left, so that a silent one does not use it all up.
        """
        with _translate_errors(Code.NO_CONNECTION):
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            failed: OSError | None = None
            for place, (family, kind, protocol, _, address) in enumerate(found):
                try:
                    stream = socket.socket(family, kind, protocol)
                except OSError as error:
                    failed = error  # a family that this machine does not have
                    continue
                try:
                    deadline.fraction(len(found) - place).apply_to(stream)
                    stream.connect(address)
                except OSError as error:
                    stream.close()
                    failed = error
                else:
                    return stream
            if failed is None:
                raise CodedError(Code.NO_CONNECTION, why=enrol.HOST_WITHOUT_ADDRESS())
            raise failed


def _read(kind: type[T], response: Response) -> T:
    if len(response.body) > MOST_BYTES:
        raise CodedError(Code.NOT_THE_PORTAL, why=enrol.TOO_LONG(limit=MOST_BYTES))
    if response.status != HTTPStatus.OK:
        raise _refusal(response)
    return decode(kind, response.body, wrong=Code.NOT_THE_PORTAL)


def _refusal(response: Response) -> CodedError:
    """The error that a response other than 200 means: the portal's own code, if it sent one."""
    try:
        if len(response.body) > MOST_REFUSAL_BYTES:
            raise CodedError(Code.NOT_THE_PORTAL)
        refused = decode(ClaimRefusal, response.body, wrong=Code.NOT_THE_PORTAL)
    except CodedError:
        server_fault = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        code = Code.UNAVAILABLE if server_fault else Code.NOT_THE_PORTAL
        return CodedError(code, why=enrol.HTTP_STATUS(status=response.status))
    why = _details(refused.why)
    try:
        return CodedError(Code(refused.code), why=why)
    except ValueError:
        return PortalRefusalError(
            refused.code,
            cause=printable(refused.cause),
            why=why,
            next_step=verbatim(printable(refused.next)),
        )


def _details(value: Any) -> Message:
    """The details in a refusal; none where they have another form."""
    try:
        return NO_MESSAGE if value is None else catalogue.decode(_printable_texts(value))
    except (ValueError, RecursionError):
        return NO_MESSAGE


def _printable_texts(value: Any) -> Any:
    """A JSON value without control characters.

    It is shown on a terminal, and on the first connection it may be anybody's.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable_texts(one) for one in value]
    if isinstance(value, dict):
        return {name: _printable_texts(one) for name, one in value.items()}
    return value


def printable(text: str) -> str:
    """A text of a portal as it is shown: a question mark for what cannot be printed."""
    return "".join(character if character.isprintable() else "?" for character in text)


@contextmanager
def _translate_errors(on_timeout: Code) -> Iterator[None]:
    """Raise the standard library's errors as `CodedError`; a timeout as ``on_timeout``."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        code = _BY_VERDICT.get(error.verify_code, Code.OTHER_ISSUER)
        raise CodedError(code, why=system.TLS_REASON(reason=error.verify_message)) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise CodedError(Code.BROKEN_OFF, why=enrol.WITHIN_TLS()) from error
    except ssl.SSLError as error:
        why = system.TLS_REASON(reason=error.reason or str(error))
        raise CodedError(Code.NO_TLS, why=why) from error
    except socket.gaierror as error:
        why = system.RESOLVER_REASON(reason=error.strerror or str(error))
        raise CodedError(Code.NAME_NOT_FOUND, why=why) from error
    except TimeoutError as error:
        raise CodedError(on_timeout) from error
    except (http.client.RemoteDisconnected, http.client.IncompleteRead) as error:
        raise CodedError(Code.BROKEN_OFF) from error
    except http.client.HTTPException as error:
        raise CodedError(Code.NOT_THE_PORTAL, why=enrol.NOT_HTTP()) from error
    except (ConnectionResetError, BrokenPipeError, ConnectionAbortedError) as error:
        raise CodedError(Code.BROKEN_OFF) from error
    except UnicodeError as error:
        raise CodedError(Code.NO_CONNECTION, why=enrol.INVALID_HOST()) from error
    except OSError as error:
        raise CodedError(Code.NO_CONNECTION, why=system.reason(error)) from error
