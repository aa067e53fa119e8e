"""TLS towards clients and towards databases: contexts, and what channel binding needs of a certificate.

Sources: RFC 5929 (tls-server-end-point), https://www.postgresql.org/docs/current/libpq-ssl.html (verification modes).
"""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from sluice.edges.config import ListenerTls, Source

ALPN = ["postgresql"]


def listener_context(tls: ListenerTls) -> ssl.SSLContext:
    """What clients are met with. Raises OSError (ssl.SSLError is one) when certificate, key or CA cannot be read."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.cert, tls.key)
    context.set_alpn_protocols(ALPN)
    if tls.client_ca is not None:
        context.load_verify_locations(tls.client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def source_context(source: Source) -> ssl.SSLContext | None:
    """How a database is met; None: in clear. `verify-full` checks certificate and name, `verify-ca` the certificate alone."""
    mode = source.tls_mode
    if mode == "disable" or source.socket is not None:
        return None
    context = ssl.create_default_context(cafile=str(source.tls.ca) if source.tls.ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(ALPN)
    if mode != "verify-full":
        context.check_hostname = False
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    if source.tls.cert is not None:
        context.load_cert_chain(source.tls.cert, source.tls.key)
    return context


def end_point(certificate: bytes) -> bytes:
    """The `tls-server-end-point` binding of a DER certificate: its hash, by the hash of its signature (SHA-256 for older ones)."""
    parsed = x509.load_der_x509_certificate(certificate)
    algorithm = parsed.signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return digest.finalize()


def own_end_point(tls: ListenerTls) -> bytes:
    """The binding of the listener's own certificate. Raises OSError or ValueError when it cannot be read."""
    first = x509.load_pem_x509_certificates(Path(tls.cert).read_bytes())[0]
    return end_point(first.public_bytes(Encoding.DER))
