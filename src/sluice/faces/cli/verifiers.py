"""Makes password verifiers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from scramp import ScramException  # type: ignore[import-untyped]
from scramp.utils import saslprep  # type: ignore[import-untyped]

ITERATIONS = 4096
_SALT = 16


def verifier(password: str) -> str:
    """A SCRAM-SHA-256 verifier as PostgreSQL writes it. Source: RFC 5802 section 3, RFC 7677."""
    salt = secrets.token_bytes(_SALT)
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _prepared(password: str) -> bytes:
    try:
        return str(saslprep(password)).encode()
    except ScramException:
        # As libpq and the server do with a password that the profile does not allow: take it as it is.
        return password.encode()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
