"""Client certificates to users. TLS proved that a certificate is genuine and in date; here it becomes somebody's.

Sources: RFC 5280 (subject, alternative names), the SPIFFE X.509-SVID specification (one URI, and that alone names it):
https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from sluice.edges.identity.rejected import Rejected

_SPIFFE = "spiffe://"


class CertificateMapper:
    """Which user a certificate belongs to. `subjects`: user name to the common names and SPIFFE URIs that prove it."""

    def __init__(self, subjects: Mapping[str, Sequence[str]]) -> None:
        """Raises ValueError when two users claim one subject."""
        self._users: dict[str, str] = {}
        for user, names in subjects.items():
            for name in names:
                other = self._users.setdefault(name, user)
                if other != user:
                    raise ValueError(f"certificate subject `{name}` is claimed by `{other}` and `{user}`")

    def user(self, der: bytes) -> str | Rejected:
        """The user whose certificate this is."""
        name = certificate_name(der)
        if isinstance(name, Rejected):
            return name
        user = self._users.get(name)
        return Rejected("the certificate's subject belongs to no user") if user is None else user


def certificate_name(der: bytes) -> str | Rejected:
    """The one name that a certificate (DER) goes by: its SPIFFE URI where it has URIs, else its common name."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        uris = _uris(certificate)
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        return Rejected(f"the certificate cannot be read: {error}")
    if uris:
        # A certificate with several identities, or a foreign one, names nobody: which would be meant?
        one = len(uris) == 1 and uris[0].startswith(_SPIFFE)
        return uris[0] if one else Rejected("the certificate's URIs are not one SPIFFE identity")
    if len(common) != 1:
        return Rejected("the certificate has no single common name")
    name = common[0].value
    # A common name that looks like a URI must not pass for the URI itself.
    if not isinstance(name, str) or not name.isprintable() or name.startswith(_SPIFFE):
        return Rejected("the certificate's common name is none")
    return name


def certificate_expiry(der: bytes) -> float:
    """When a certificate (DER) ends, in seconds since the epoch. Raises ValueError when it is none."""
    return x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)
