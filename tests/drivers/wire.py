"""PostgreSQL's protocol 3 by hand: frames out, frames in, on a connection that libpq has logged in.

Layouts: https://www.postgresql.org/docs/current/protocol-message-formats.html.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psycopg

PATIENCE_SECONDS = 30.0
STUCK_SECONDS = 1.0

SYNC = b"S\0\0\0\4"
FLUSH = b"H\0\0\0\4"
COPY_DONE = b"c\0\0\0\4"


class Message(NamedTuple):
    """One message of the server: its type letter and its body."""

    kind: str
    body: bytes


class Wire:
    """A logged-in connection whose bytes are the test's own."""

    def __init__(self, dsn: str) -> None:
        # libpq does the login; from then on only the socket is used.
        self._login = psycopg.connect(dsn, autocommit=True)
        self._socket = socket.socket(fileno=os.dup(self._login.pgconn.socket))
        self._socket.settimeout(PATIENCE_SECONDS)
        self._held = bytearray()
        self._unsent = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._login.close()

    def send(self, *frames: bytes) -> None:
        unsent, self._unsent = self._unsent, b""
        self._socket.sendall(unsent + b"".join(frames))

    def send_what_fits(self, frame: bytes, most: int) -> int:
        """Sends a frame again and again until nobody has taken more of it for a while; how many were sent whole.

        What remains of the last one is sent before anything else.
        """
        self._socket.settimeout(STUCK_SECONDS)
        sent = 0
        try:
            for sent in range(most):  # noqa: B007
                rest = memoryview(frame)
                while rest:
                    rest = rest[self._socket.send(rest) :]
        except TimeoutError:
            self._unsent = bytes(rest)
        self._socket.settimeout(PATIENCE_SECONDS)
        return sent

    def half_close(self) -> None:
        """Sends nothing more, but goes on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Vanishes: the other side finds the connection reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # libpq would say goodbye: it is left with a descriptor of something else.
        with Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), self._login.pgconn.socket)
        self._socket.close()
        self._login.close()

    def read(self) -> Message:
        """The next message; EOFError when the server has hung up."""
        head = self._take(5)
        return Message(chr(head[0]), self._take(int.from_bytes(head[1:], "big") - 4))

    def until(self, kind: str, times: int = 1) -> list[Message]:
        """Messages up to and with the `times`-th of this kind."""
        found: list[Message] = []
        while times:
            message = self.read()
            found.append(message)
            times -= message.kind == kind
        return found

    def ask(self, *frames: bytes) -> list[Message]:
        """Sends frames and reads up to as many ReadyForQuery as they will bring."""
        self.send(*frames)
        return self.until("Z", sum(frame[:1] in (b"S", b"Q", b"F") for frame in frames))

    def ended(self) -> list[Message]:
        """What is still said until the server hangs up."""
        found: list[Message] = []
        try:
            while True:
                found.append(self.read())
        except (EOFError, ConnectionError):
            return found

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            more = self._socket.recv(1 << 16)
            if not more:
                raise EOFError("the connection has ended")
            self._held += more
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


def frame(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def query(text: str) -> bytes:
    return frame(b"Q", text.encode() + b"\0")


def parse(text: str, name: str = "", types: Sequence[int] = ()) -> bytes:
    body = name.encode() + b"\0" + text.encode() + b"\0" + struct.pack(f"!h{len(types)}I", len(types), *types)
    return frame(b"P", body)


def bind(
    *values: bytes | None, portal: str = "", statement: str = "", given: Sequence[int] = (), wanted: Sequence[int] = ()
) -> bytes:
    """`given` are the formats of the parameters, `wanted` those of the results: none, one for all, or one each."""
    body = portal.encode() + b"\0" + statement.encode() + b"\0"
    body += struct.pack(f"!h{len(given)}h", len(given), *given) + struct.pack("!h", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return frame(b"B", body + struct.pack(f"!h{len(wanted)}h", len(wanted), *wanted))


def describe(kind: str, name: str = "") -> bytes:
    return frame(b"D", kind.encode() + name.encode() + b"\0")


def execute(portal: str = "", rows: int = 0) -> bytes:
    return frame(b"E", portal.encode() + b"\0" + struct.pack("!i", rows))


def close(kind: str, name: str = "") -> bytes:
    return frame(b"C", kind.encode() + name.encode() + b"\0")


def copy_data(data: bytes) -> bytes:
    return frame(b"d", data)


def copy_fail(reason: str) -> bytes:
    return frame(b"f", reason.encode() + b"\0")


class Column(NamedTuple):
    """One column of a RowDescription."""

    name: str
    table: int
    attnum: int
    type: int
    size: int
    modifier: int
    binary: bool


def columns(message: Message) -> list[Column]:
    """The columns of a RowDescription."""
    found, at = [], 2
    for _ in range(int.from_bytes(message.body[:2], "big")):
        end = message.body.index(b"\0", at)
        *numbers, form = struct.unpack_from("!IhIhih", message.body, end + 1)
        found.append(Column(message.body[at:end].decode(), *numbers, form == 1))
        at = end + 19
    return found


def cells(message: Message) -> list[bytes | None]:
    """The values of a DataRow."""
    count, at = int.from_bytes(message.body[:2], "big"), 2
    found: list[bytes | None] = []
    for _ in range(count):
        size = int.from_bytes(message.body[at : at + 4], "big", signed=True)
        at += 4
        found.append(None if size < 0 else message.body[at : at + size])
        at += max(size, 0)
    return found


def rows(messages: Sequence[Message]) -> list[list[bytes | None]]:
    """The values of every DataRow among the messages."""
    return [cells(message) for message in messages if message.kind == "D"]


def fields(message: Message) -> dict[str, str]:
    """The fields of an ErrorResponse or NoticeResponse, by their letters."""
    return {part[:1].decode(): part[1:].decode() for part in message.body.split(b"\0") if part}


def kinds(messages: Sequence[Message]) -> str:
    """The type letters in a row; of a run of rows only the first."""
    letters = ""
    for message in messages:
        if not (message.kind in "Dd" and letters.endswith(message.kind)):
            letters += message.kind
    return letters


def status(messages: Sequence[Message]) -> str:
    """The transaction status of every ReadyForQuery: I, T or E."""
    return "".join(message.body.decode() for message in messages if message.kind == "Z")


def error(messages: Sequence[Message]) -> dict[str, str]:
    """The fields of the one error among the messages."""
    (found,) = [message for message in messages if message.kind == "E"]
    return fields(found)
