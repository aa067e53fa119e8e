"""As much of HTTP/1.1 as the admin port speaks: one short request a connection, strictly read. Source: RFC 9112."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import msgspec

HEAD_BYTES = 16_384
BODY_BYTES = 65_536
SECONDS = 10.0
_REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 303: "See Other", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large", 415: "Unsupported Media Type", 422: "Unprocessable",
    429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. Header names are in lower case; `address` is the far end's."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    address: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self) -> bytes:
        """Its bytes; the connection ends with it."""
        lines = [
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}", f"content-type: {self.kind}",
            f"content-length: {len(self.body)}", "cache-control: no-store", "x-content-type-options: nosniff",
            *(f"{name}: {value}" for name, value in self.headers), "connection: close",
        ]  # fmt: skip
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class BadRequest(Exception):
    """What came is no request that is taken here."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


def answer(value: object, status: int = 200) -> Answer:
    """A value as JSON."""
    return Answer(status, msgspec.json.encode(value))


def problem(status: int, text: str) -> Answer:
    """An error, said in one sentence."""
    return answer({"error": text}, status)


async def read(reader: asyncio.StreamReader, address: str) -> HttpRequest:
    """One whole request. Raises BadRequest, or what the reader raises when the other side goes away."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not _TOKEN.fullmatch(words[0]):
        raise BadRequest(400, "this is no HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or name.lower() in headers:
            raise BadRequest(400, "a header is malformed or given twice")
        headers[name.lower()] = value.strip(" \t")
    if "transfer-encoding" in headers:
        raise BadRequest(400, "send the body whole, with its content-length")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise BadRequest(400, "the content-length is no number")
    if int(length) > BODY_BYTES:
        raise BadRequest(413, f"the body is longer than {BODY_BYTES} bytes")
    body = await reader.readexactly(int(length))
    path, _, query = words[1].partition("?")
    return HttpRequest(words[0], unquote(path), dict(parse_qsl(query)), headers, body, address)
