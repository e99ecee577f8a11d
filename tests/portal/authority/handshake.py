"""A TLS handshake between two contexts in memory: what OpenSSL itself thinks of certificates."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def shake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> None:
    """Shake hands, both ways to the end; raises `ssl.SSLError` where either refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            # TLS 1.3: the client is done before the server has judged its certificate.
            ends[1].write(b"x")
            assert ends[0].read(1) == b"x"
            return
    raise AssertionError("the handshake does not come to an end")


def client(trust: str, identity: Path | None = None) -> ssl.SSLContext:
    """A client that trusts a root, with the identity in a folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False
    context.load_verify_locations(cadata=trust)
    if identity is not None:
        context.load_cert_chain(identity / "certificate.pem", identity / "key.pem")
    return context


def server(identity: Path, clients: str, revoked: str | None = None) -> ssl.SSLContext:
    """A server that asks for a certificate by the root ``clients``, and looks at a list."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_cert_chain(identity / "certificate.pem", identity / "key.pem")
    context.load_verify_locations(cadata=clients)
    if revoked is not None:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        context.load_verify_locations(cafile=revoked)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
