"""Client certificates for tests, self-signed: what TLS would have verified is not this folder's business."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

KEY = ec.generate_private_key(ec.SECP256R1())
END = datetime(2030, 1, 1, tzinfo=UTC)
SPIFFE = "spiffe://example.org/reports"


def certificate(*common: str, uris: tuple[str, ...] = (), dns: tuple[str, ...] = ()) -> bytes:
    """A certificate in DER with these names, in force until `END`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one) for one in common])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(END - timedelta(days=1))
        .not_valid_after(END)
    )
    others = [*map(x509.UniformResourceIdentifier, uris), *map(x509.DNSName, dns)]
    if others:
        builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
