"""What bytes mean on this connection: how the server reads a text, and in which encodings a result can be masked.

Two settings decide it, and the server reports them only when it is ready again; so Sluice asks (see `settling`) once a
statement that changes them has gone through. Source: https://www.postgresql.org/docs/current/multibyte.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from sluice.model.decision import Refusal
from sluice.session.analyses import respelt
from sluice.session.rulings import Ruling
from sluice.session.state import State

_CODECS = {
    "UTF8": "utf-8",
    "SQL_ASCII": "utf-8",
    "LATIN1": "latin-1",
    "LATIN2": "iso8859-2",
    "LATIN9": "iso8859-15",
    "WIN1250": "cp1250",
    "WIN1251": "cp1251",
    "WIN1252": "cp1252",
}
_UTF8 = frozenset({"utf8", "unicode"})
_HINT = "set `client_encoding` to UTF8 first, in a statement of its own"


def codec_of(state: State) -> str:
    """Python's codec for the client's encoding; `ascii` where Sluice reads no more than that."""
    return _CODECS.get(state.encoding, "ascii")


def readable(state: State, text: bytes) -> str:
    """The text as the server reads it. What is too long, or cannot be read with certainty, becomes what no parser accepts.

    Multi-byte encodings in which a byte below 0x80 can be the end of a character (SJIS, BIG5, GBK) are read only as ASCII;
    with `standard_conforming_strings` off a backslash may hide the end of a string.
    """
    if len(text) > state.world.limits.statement:
        return "\0too long"
    if not state.plain_strings and b"\\" in text:
        return "\0backslash while standard_conforming_strings is off"
    codec = codec_of(state)
    try:
        return text.decode(codec)
    except UnicodeDecodeError:
        return f"\0not {codec}"


def unmaskable(state: State, rulings: Sequence[Ruling]) -> Refusal | None:
    """Why results that take masks cannot be given in the encoding asked for; None: they can.

    Masks work on UTF-8 and on what has one byte a character; COPY is cut at delimiters, so there it must be UTF-8.
    """
    masked = [ruling.span for ruling in rulings if any(ruling.decision.masks or ())]
    if not masked:
        return None
    if len(rulings) > 1 and respelt(ruling.span for ruling in rulings):
        return Refusal("masked columns cannot be read in the message that sets the encoding", hint=_HINT, code="0A000")
    for span in masked:
        encoding = (span.copy.encoding if span.copy else "") or state.encoding
        plain = "".join(letter for letter in encoding.lower() if letter.isalnum())
        if plain not in _UTF8 and (span.copy is not None or encoding not in _CODECS):
            what = "copied" if span.copy else "read"
            return Refusal(f"masked columns cannot be {what} in the encoding `{encoding}`", hint=_HINT, code="0A000")
    return None
