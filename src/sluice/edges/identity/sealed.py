"""Small values that leave and come back: signed, for one use, for a while. Whoever holds one can read it, and change nothing."""

from __future__ import annotations

import base64
import binascii
import hmac


def seal(secret: bytes, use: str, value: bytes, until: float) -> str:
    """A value as text for a cookie or a form, good for `use` until then (seconds since the epoch)."""
    body = f"{int(until)}.{base64.urlsafe_b64encode(value).rstrip(b'=').decode()}"
    return f"{body}.{_mark(secret, use, body)}"


def unsealed(secret: bytes, use: str, text: str, now: float) -> bytes | None:
    """The value, if this was sealed for this use and is good now; else None."""
    body, _, mark = text.rpartition(".")
    if not hmac.compare_digest(mark.encode("utf-8", "replace"), _mark(secret, use, body).encode()):
        return None
    until, _, value = body.partition(".")
    if int(until) <= now:
        return None
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        return None


def _mark(secret: bytes, use: str, body: str) -> str:
    found = hmac.digest(secret, f"{use}\0{body}".encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()
