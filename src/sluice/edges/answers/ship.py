"""Sends the log's events elsewhere, each at least once: to a file, a syslog server (RFC 5424 over TCP) or an HTTP address.

What was sent is noted, in a file of the log's folder, after the other side has it. A run that was cut short sends its last
batch again, so receivers tell events apart by their `id`.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from sluice.edges.answers.ocsf import record
from sluice.edges.answers.openlineage import run_event
from sluice.edges.answers.opentelemetry import Spans
from sluice.edges.evidence.files import put
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import open_segment, segments

Form = Literal["jsonl", "ocsf", "openlineage", "otlp"]
Former = Callable[[bytes], bytes | None]
BATCH = 500
_SECONDS = 30.0
# Facility 13 (log audit), severity 6 (informational).
_PRIORITY = 13 * 8 + 6


class ShipFailed(Exception):
    """The other side did not take a batch; the next run begins with it."""


class _Sent(msgspec.Struct):
    segment: int = 0
    offset: int = 0


def ship(folder: Path, target: str, form: Form, former: Former | None = None) -> int:
    """Sends what was not sent to `target` yet; the events that were. ShipFailed, LogFailed.

    `target`: a path, `syslog://host:port`, or an `http://` or `https://` address, which gets lines of JSON by POST, and of `otlp` one
    export request. `former`: what `former_of` gave, kept from one call to the next so that spans have their statement's beginning.
    """
    former = former or former_of(form)
    noted = folder / f"shipped-{hashlib.sha256(f'{form} {target}'.encode()).hexdigest()[:16]}.json"
    count = 0
    try:
        for end, lines in _batches(folder, _sent(noted)):
            bodies = [body for line in lines if (body := former(line)) is not None]
            count += len(bodies)
            if form == "otlp" and bodies:
                bodies = [b'{"resourceSpans":[%b]}' % b",".join(bodies)]
            if bodies:
                _send(target, bodies, "application/json" if form == "otlp" else "application/x-ndjson")
            put(noted, msgspec.json.encode(end), synced=True)
    except (OSError, http.client.HTTPException) as error:
        raise ShipFailed(f"`{target}` did not take the events: {error}") from error
    except msgspec.MsgspecError as error:
        raise LogFailed("a line of the log is no event") from error
    return count


def _sent(noted: Path) -> _Sent:
    try:
        return msgspec.json.decode(noted.read_bytes(), type=_Sent)
    except FileNotFoundError:
        return _Sent()


def _batches(folder: Path, sent: _Sent) -> Iterator[tuple[_Sent, list[bytes]]]:
    for number in sorted(one for one in segments(folder) if one >= sent.segment):
        at = sent.offset if number == sent.segment else 0
        segment = open_segment(folder, number)
        try:
            for run in segment.runs(at):
                lines = run.splitlines(keepends=True)
                for first in range(0, len(lines), BATCH):
                    batch = lines[first : first + BATCH]
                    at += sum(map(len, batch))
                    yield _Sent(number, at), [line[:-1] for line in batch]
        finally:
            segment.close()


def former_of(form: Form) -> Former:
    """What makes a body of a line of one log; None where the line has nothing for this form."""
    if form == "jsonl":
        return lambda line: line
    make = record if form == "ocsf" else run_event if form == "openlineage" else Spans().of

    def formed(line: bytes) -> bytes | None:
        found = make(line)
        return None if found is None else msgspec.json.encode(found)

    return formed


def _send(target: str, bodies: list[bytes], kind: str) -> None:
    parts = urlsplit(target)
    match parts.scheme:
        case "http" | "https":
            _post(parts, b"".join(body + b"\n" for body in bodies), kind)
        case "syslog":
            _syslog(parts, bodies)
        case _:
            with Path(target).open("ab") as file:
                file.write(b"".join(body + b"\n" for body in bodies))
                file.flush()
                os.fsync(file.fileno())


def _post(parts: SplitResult, body: bytes, kind: str) -> None:
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"content-type": kind})
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise ShipFailed(f"`{parts.geturl()}` answered with {status}")


def _syslog(parts: SplitResult, bodies: list[bytes]) -> None:
    with socket.create_connection((parts.hostname or "", parts.port or 601), _SECONDS) as connection:
        for body in bodies:
            event = msgspec.json.decode(body)
            time = next((one for name in ("time", "eventTime") if isinstance(one := event.get(name), str)), "-")
            message = f"<{_PRIORITY}>1 {time} - sluice - - - ".encode() + body
            connection.sendall(b"%d %b" % (len(message), message))
        # The far side closes when it has read everything: only then is the batch sent.
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
