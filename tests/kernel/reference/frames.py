"""One direction of a stream, cut into messages."""

from __future__ import annotations

HEADER = 5
CLIENT = b"QPBDESHCdcfFX"
SERVER = b"TDdCIs123ntVENASGHWcZKRv"
LONGEST = 2**31 - 1


def cut(data: bytes, *, server: bool, max_frame: int) -> tuple[list[tuple[int, bytes]], bytes]:
    """The messages of a stream in order (a fault as (0, reason), after which nothing counts), and what is left unfinished."""
    found: list[tuple[int, bytes]] = []
    while len(data) >= HEADER:
        kind, whole = data[0], int.from_bytes(data[1:HEADER], "big") + 1
        if kind not in (SERVER if server else CLIENT):
            return [*found, (0, b"unknown message type")], b""
        if not HEADER <= whole <= LONGEST:
            return [*found, (0, b"impossible message length")], b""
        if whole > max_frame:
            return [*found, (0, b"message is longer than allowed")], b""
        if whole > len(data):
            break
        found.append((kind, data[:whole]))
        data = data[whole:]
    return found, data


def runs(messages: list[tuple[int, bytes]], *, server: bool) -> list[tuple[int, bytes]]:
    """The same with consecutive rows as one."""
    rows = b"Dd" if server else b"d"
    joined: list[tuple[int, bytes]] = []
    for kind, raw in messages:
        if joined and kind in rows and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1] + raw)
        else:
            joined.append((kind, raw))
    return joined


def each(run: bytes) -> list[bytes]:
    """The messages of a run. ValueError when it does not end with a whole one."""
    found = []
    while run:
        if len(run) < HEADER:
            raise ValueError("a header is cut short")
        whole = int.from_bytes(run[1:HEADER], "big") + 1
        if whole < HEADER or whole > len(run):
            raise ValueError("a message is cut short")
        found.append(run[:whole])
        run = run[whole:]
    return found


def message(kind: bytes, body: bytes) -> bytes:
    """One message."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body
