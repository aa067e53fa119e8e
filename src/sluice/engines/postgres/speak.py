"""Messages that Sluice itself says, to either side.

A refused statement is answered by the server's own failure of a statement that cannot succeed (`POISON`), with Sluice's
error in place of the server's: so the transaction, the rest of the pipeline and the ReadyForQuery that follows are exactly
what they are after any server error. Layouts: https://www.postgresql.org/docs/current/protocol-message-formats.html.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.model.decision import Refusal

_POISON_TEXT = b"sluice refused this statement\0"

FLUSH = b"H\0\0\0\4"
SYNC = b"S\0\0\0\4"

# Sluice's own statements use this name for statement and portal; a client that uses it too gets the server's own error.
_OWN = b"_sluice_own\0"

# What else an error may say about itself without saying a value: names of things, never their contents.
_SAFE_FIELDS = "SVCstcdnFLR"


def frame(kind: bytes, body: bytes) -> bytes:
    """One message: type byte, length that counts itself, body."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


POISON_QUERY = frame(b"Q", _POISON_TEXT)
POISON_PREPARE = frame(b"P", b"\0" + _POISON_TEXT + b"\0\0")


def own_statement(text: str, end: bytes) -> bytes:
    """Sluice's own statement in the extended protocol, which works inside a client's pipeline too.

    `end` is `SYNC` when the server waits for a new request, `FLUSH` in the middle of a pipeline.
    """
    return (
        frame(b"P", _OWN + text.encode() + b"\0\0\0")
        + frame(b"B", _OWN + _OWN + b"\0\0\0\0\0\0")
        + frame(b"E", _OWN + b"\0\0\0\0")
        + frame(b"C", b"P" + _OWN)
        + frame(b"C", b"S" + _OWN)
        + end
    )


def own_query(text: str) -> bytes:
    """Sluice's own statement in the simple protocol."""
    return frame(b"Q", text.encode() + b"\0")


def describe_portal(portal: str) -> bytes:
    """A Describe message for a portal."""
    return frame(b"D", b"P" + portal.encode("utf-8", "surrogateescape") + b"\0")


def ready(status: str) -> bytes:
    """ReadyForQuery with the transaction status `I`, `T` or `E`."""
    return b"Z\0\0\0\5" + status.encode()


def report(refusal: Refusal, severity: str = "ERROR") -> bytes:
    """An ErrorResponse (NoticeResponse for severities below ERROR) that says a refusal in the server's own way."""
    parts = {
        "S": severity,
        "V": severity,
        "C": refusal.code,
        "M": refusal.message,
        "D": refusal.detail,
        "H": refusal.hint,
    }
    return _fields(b"E" if severity in ("ERROR", "FATAL", "PANIC") else b"N", parts)


def withhold(raw: bytes, fields: Mapping[str, str]) -> bytes:
    """The same error or notice without any text that could carry a value: its code, its names and a generic message."""
    kept = {letter: text for letter, text in fields.items() if letter in _SAFE_FIELDS}
    code = fields.get("C", "XX000")
    what = "error" if raw[:1] == b"E" else "notice"
    kept["M"] = (
        f"{_CLASSES.get(code[:2], 'the server reported a problem')} ({what} text withheld: it may quote masked data)"
    )
    kept["H"] = "ask for access to the masked columns to see the server's own text"
    return _fields(raw[:1], kept)


def _fields(kind: bytes, parts: Mapping[str, str]) -> bytes:
    body = b"".join(
        letter.encode() + text.replace("\0", "").encode("utf-8", "replace") + b"\0"
        for letter, text in parts.items()
        if text
    )
    return frame(kind, body + b"\0")


# https://www.postgresql.org/docs/current/errcodes-appendix.html
_CLASSES = {
    "00": "successful completion",
    "01": "warning",
    "02": "no data",
    "21": "cardinality violation",
    "22": "data exception",
    "23": "integrity constraint violation",
    "25": "invalid transaction state",
    "40": "transaction rollback",
    "42": "syntax error or access rule violation",
    "44": "with check option violation",
    "53": "insufficient resources",
    "54": "program limit exceeded",
    "55": "object not in prerequisite state",
    "57": "operator intervention",
    "58": "system error",
    "P0": "error raised by a function",
    "XX": "internal error of the server",
}
