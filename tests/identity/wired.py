"""A client of the wire protocol that proves itself by OAUTHBEARER, with bytes written by hand."""

from __future__ import annotations

import socket
import struct


class Wire:
    """A client that speaks the protocol by hand."""

    def __init__(self, port: int, user: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        body = b"".join(word.encode() + b"\0" for word in ("user", user, "database", "house")) + b"\0"
        self._socket.sendall(struct.pack("!ii", len(body) + 8, 196608) + body)

    def read(self) -> tuple[bytes, bytes]:
        head = self._exactly(5)
        return head[:1], self._exactly(int.from_bytes(head[1:], "big") - 4)

    def answer(self, body: bytes) -> tuple[bytes, bytes]:
        self._socket.sendall(b"p" + struct.pack("!i", len(body) + 4) + body)
        return self.read()

    def choose(self, message: bytes) -> tuple[bytes, bytes]:
        return self.answer(b"OAUTHBEARER\0" + struct.pack("!i", len(message)) + message)

    def close(self) -> None:
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self._socket.recv(size - len(found))
            assert part, "the gateway hung up"
            found += part
        return found


def bearer(token: str) -> bytes:
    return b"n,,\x01auth=Bearer " + token.encode() + b"\x01\x01"
