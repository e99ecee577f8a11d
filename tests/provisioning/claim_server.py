"""A claim endpoint on a free loopback port, with TLS as real as the portal's, that can be made to
misbehave in every way that somebody between box and portal could."""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from portal.authority import certificates
from portal.authority.certificates import CertificateSpec, Issuer
from provisioning import agent_key
from provisioning.agent_key import AgentKey
from provisioning.claim import Broker, ClaimGrant, ClaimRequest, PortalRoot, decode, encode
from provisioning.codes import Code

Reply = Callable[[BaseHTTPRequestHandler, bytes], None]
HOST: Final = "127.0.0.1"


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def root(name: str = "root") -> Issuer:
    """A root of a portal's own."""
    return certificates.make_root(name, now() - timedelta(days=2))


@dataclass
class ClaimServer:
    """A portal's claim endpoint, as far as a box can tell.

    Attributes:
        root: What it signs boxes with, and what its keys are pinned to.
        shown: What it calls its root; else `root`.
        on_claim: Answers a claim; else it is granted.
        on_welcome: Answers the question for the root; else with ``shown``.
    """

    root: Issuer = field(default_factory=root)
    shown: str = ""
    on_claim: Reply | None = None
    on_welcome: Reply | None = None
    port: int = 0
    tls: bool = True
    calls: list[str] = field(default_factory=list)
    claims: list[bytes] = field(default_factory=list)
    given: dict[bytes, str] = field(default_factory=dict)

    @property
    def key(self) -> AgentKey:
        """An agent key for it."""
        return AgentKey(
            id="7GX0R8MC",
            secret=bytes(range(16)),
            pin=agent_key.pin_of(self.root.spki),
            address=f"{'https' if self.tls else 'http'}://{HOST}:{self.port}",
        )

    def grant(self, body: bytes, *, anew: bool = False) -> ClaimGrant:
        """What the portal answers: per public key always the same, unless ``anew``."""
        asked = decode(ClaimRequest, body, wrong=Code.BAD_REQUEST)
        key = x509.load_pem_x509_csr(asked.csr.encode()).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        spki = certificates.spki_of(key)
        if anew or spki not in self.given:
            spec = CertificateSpec(name=asked.box, public_key=key, at=now())
            self.given[spki] = certificates.pem(certificates.issue(self.root, spec))
        own = certificates.pem(self.root.certificate)
        return ClaimGrant(
            box=asked.box,
            certificate=self.given[spki],
            chain=(own,),
            broker=Broker(url="mqtts://broker.example.com:8883", mqtt="5", trust=own),
            gateway="Plant room",
            site="Plant",
            organization="Aoyama Foods",
        )


class _Handler(BaseHTTPRequestHandler):
    endpoint: ClaimServer

    def do_GET(self) -> None:
        self.endpoint.calls.append("GET")
        if self.endpoint.on_welcome is not None:
            self.endpoint.on_welcome(self, b"")
            return
        shown = self.endpoint.shown or certificates.pem(self.endpoint.root.certificate)
        answer(self, 200, encode(PortalRoot(root=shown)))

    def do_POST(self) -> None:
        self.endpoint.calls.append("POST")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.endpoint.claims.append(body)
        if self.endpoint.on_claim is not None:
            self.endpoint.on_claim(self, body)
            return
        answer(self, 200, encode(self.endpoint.grant(body)))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """A test's output is its own."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A box that hangs up, or refuses the handshake, is what some tests are about."""


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Answer with ``body``."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def always(status: int, body: bytes, **headers: str) -> Reply:
    """The same answer to everything."""
    return lambda handler, _: answer(handler, status, body, **headers)


@contextmanager
def serving(
    endpoint: ClaimServer,
    *,
    issuer: Issuer | None = None,
    hosts: tuple[str, ...] = (HOST,),
    at: datetime | None = None,
) -> Iterator[ClaimServer]:
    """The endpoint on a port, with a certificate by ``issuer`` (its root) made at ``at`` (now).

    Without ``hosts`` it shows a client's certificate, as a box has one.
    """
    handler = type("Handler", (_Handler,), {"endpoint": endpoint})
    with _Server((HOST, 0), handler) as server:
        endpoint.port = server.server_address[1]
        if endpoint.tls:
            context = _context(issuer or endpoint.root, hosts, at or now())
            # The handshake belongs to the connection's thread, not to the one that accepts.
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


def _context(issuer: Issuer, hosts: tuple[str, ...], at: datetime) -> ssl.SSLContext:
    key = certificates.new_key()
    spec = CertificateSpec(name=HOST, public_key=key.public_key(), at=at, hosts=hosts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        pem = certificates.pem(certificates.issue(issuer, spec)).encode()
        path.write_bytes(certificates.key_pem(key) + pem)
        context.load_cert_chain(path)
    return context
