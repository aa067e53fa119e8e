"""What a PostgreSQL client says after its start-up: bytes to `Asked` events.

Source: https://www.postgresql.org/docs/current/protocol-message-formats.html. The cutting of frames is the kernel's; this
file knows only the layout of each message. A message that breaks its own layout becomes `Broken`, and nothing follows it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from sluice._kernel import Frames, count_rows
from sluice.model.waist import (
    Asked,
    Bind,
    Broken,
    CloseName,
    CopyIn,
    Describe,
    Execute,
    Flush,
    FunctionCall,
    Prepare,
    Query,
    Sync,
    Terminate,
)

_I16 = struct.Struct("!h")
_I32 = struct.Struct("!i")
_I64 = struct.Struct("!q")
_MOST_SHOWN = 200


class Downstream:
    """Decodes one client's messages. `feed` never raises; the first `Broken` is the last event ever returned."""

    __slots__ = ("_broken", "_frames")

    def __init__(self, max_frame: int) -> None:
        self._frames = Frames(server=False, max_frame=max_frame)
        self._broken = False

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message that are held."""
        return self._frames.pending

    def feed(self, data: bytes) -> list[Asked]:
        """Bytes as they came from the socket, cut anywhere, to the messages they complete."""
        if self._broken:
            return []
        asked: list[Asked] = []
        for kind, raw in self._frames.feed(data):
            event = _decode(kind, raw)
            asked.append(event)
            if isinstance(event, Broken):
                self._broken = True
                break
        return asked


def _decode(kind: int, raw: bytes) -> Asked:
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return Broken(
            raw.decode("ascii", "replace") if kind == 0 else f"message type `{chr(kind)}` is not expected here"
        )
    try:
        return decoder(raw)
    except (ValueError, IndexError, struct.error):
        return Broken(f"malformed `{chr(kind)}` message")


def _cstring(raw: bytes, at: int) -> tuple[bytes, int]:
    end = raw.index(b"\0", at)
    return raw[at:end], end + 1


def _name(raw: bytes, at: int) -> tuple[str, int]:
    text, after = _cstring(raw, at)
    # surrogateescape: a name is only ever compared with itself, so its bytes must survive, not its spelling.
    return text.decode("utf-8", "surrogateescape"), after


def _whole(raw: bytes, at: int) -> None:
    if at != len(raw):
        raise ValueError("bytes after the end of the message")


def _query(raw: bytes) -> Query:
    if raw[-1] != 0 or raw.find(b"\0", 5) != len(raw) - 1:
        raise ValueError("a query text ends at its only NUL")
    return Query(raw, raw[5:-1])


def _parse(raw: bytes) -> Prepare:
    name, at = _name(raw, 5)
    text, at = _cstring(raw, at)
    count = _I16.unpack_from(raw, at)[0]
    _whole(raw, at + 2 + 4 * (count & 0xFFFF))
    return Prepare(raw, name, text, raw[at:] if count else b"")


def _bind(raw: bytes) -> Bind:
    portal, at = _name(raw, 5)
    statement, at = _name(raw, at)
    formats = _I16.unpack_from(raw, at)[0] & 0xFFFF
    at += 2 + 2 * formats
    values = _I16.unpack_from(raw, at)[0] & 0xFFFF
    at = _past_values(raw, at + 2, values)
    results = _I16.unpack_from(raw, at)[0] & 0xFFFF
    _whole(raw, at + 2 + 2 * results)
    return Bind(raw, portal, statement, struct.unpack_from(f"!{results}h", raw, at + 2) if results else ())


def _past_values(raw: bytes, at: int, count: int) -> int:
    for _ in range(count):
        size = _I32.unpack_from(raw, at)[0]
        if size < -1:
            raise ValueError("negative parameter length")
        at += 4 + max(size, 0)
    return at


def parameters(raw: bytes) -> tuple[bytes, tuple[str, ...]]:
    """What a Bind binds: formats and values as it says them (empty without any), and each value for people to read."""
    start, end, bound = _bound(raw)
    shown = tuple(["NULL" if value is None else _shown(value, binary) for value, binary in bound])
    return raw[start:end] if bound else b"", shown


def values(raw: bytes) -> tuple[bytes, ...]:
    """Each value that a Bind binds; a binary one of eight bytes also as the number that it may be."""
    found: list[bytes] = []
    for value, binary in _bound(raw)[2]:
        if value is not None:
            found.append(value)
            if binary and len(value) == _I64.size:
                found.append(b"%d" % _I64.unpack(value)[0])
    return tuple(found)


def _bound(raw: bytes) -> tuple[int, int, list[tuple[bytes | None, bool]]]:
    """Where a Bind's formats begin and its values end, and each value (None: NULL) with whether it is binary."""
    start = _name(raw, _name(raw, 5)[1])[1]
    count = _I16.unpack_from(raw, start)[0] & 0xFFFF
    formats = struct.unpack_from(f"!{count}h", raw, start + 2)
    at = start + 2 + 2 * count
    number = _I16.unpack_from(raw, at)[0] & 0xFFFF
    at += 2
    bound: list[tuple[bytes | None, bool]] = []
    for index in range(number):
        size = _I32.unpack_from(raw, at)[0]
        at += 4
        # As many formats as values, one for all, or none; any other number is an error of the server's.
        at_format = index if count > 1 else 0
        binary = at_format < count and formats[at_format] == 1
        bound.append((raw[at : at + size] if size >= 0 else None, binary))
        at += max(size, 0)
    return start, at, bound


def declared_types(types: bytes) -> tuple[int, ...]:
    """The numbers of the types that a Parse declares for its parameters, behind their count."""
    return struct.unpack_from(f"!{len(types) // 4}I", types, _I16.size)


def _shown(value: bytes, binary: bool) -> str:
    if binary:
        return f"0x{value[:_MOST_SHOWN].hex()}" + ("…" if len(value) > _MOST_SHOWN else "")
    text = value.decode("utf-8", "replace")
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _described(raw: bytes) -> tuple[str, str]:
    kind = chr(raw[5])
    if kind not in "SP":
        raise ValueError("neither statement nor portal")
    name, at = _name(raw, 6)
    _whole(raw, at)
    return kind, name


def _describe(raw: bytes) -> Describe:
    kind, name = _described(raw)
    return Describe(raw, "S" if kind == "S" else "P", name)


def _close(raw: bytes) -> CloseName:
    kind, name = _described(raw)
    return CloseName(raw, "S" if kind == "S" else "P", name)


def _execute(raw: bytes) -> Execute:
    portal, at = _name(raw, 5)
    _whole(raw, at + 4)
    return Execute(raw, portal, _I32.unpack_from(raw, at)[0])


def _call(raw: bytes) -> FunctionCall:
    at = 11 + 2 * (_I16.unpack_from(raw, 9)[0] & 0xFFFF)
    values = _I16.unpack_from(raw, at)[0] & 0xFFFF
    _whole(raw, _past_values(raw, at + 2, values) + 2)
    return FunctionCall(raw, int.from_bytes(raw[5:9], "big"), values)


def _bare(kind: Callable[[bytes], Asked]) -> Callable[[bytes], Asked]:
    def decode(raw: bytes) -> Asked:
        _whole(raw, 5)
        return kind(raw)

    return decode


def _copy_failed(raw: bytes) -> CopyIn:
    _whole(raw, _cstring(raw, 5)[1])
    return CopyIn(raw, 0, True)


_DECODERS: dict[int, Callable[[bytes], Asked]] = {
    ord("Q"): _query,
    ord("P"): _parse,
    ord("B"): _bind,
    ord("D"): _describe,
    ord("E"): _execute,
    ord("C"): _close,
    ord("S"): _bare(Sync),
    ord("H"): _bare(Flush),
    ord("d"): lambda raw: CopyIn(raw, count_rows(raw), False),
    ord("c"): _bare(lambda raw: CopyIn(raw, 0, True)),
    ord("f"): _copy_failed,
    ord("F"): _call,
    ord("X"): _bare(Terminate),
}
