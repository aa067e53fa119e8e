"""Sends the log's events elsewhere, each at least once: to a file, a syslog server, an HTTP address, Kafka or an S3-compatible store.

What was sent is noted, in a file of the log's folder, after the other side has it. A run that was cut short sends its last
batch again, so receivers tell events apart by their `id`.
"""

from __future__ import annotations

import hashlib
import http.client
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from sluice.edges.answers.ocsf import record
from sluice.edges.answers.openlineage import run_event
from sluice.edges.answers.opentelemetry import Spans
from sluice.edges.answers.receivers import Batch, Receiver, ShipFailed, receiver
from sluice.edges.evidence.files import put
from sluice.edges.sinks.failed import LogFailed
from sluice.edges.sinks.segments import open_segment, segments

Form = Literal["jsonl", "ocsf", "openlineage", "otlp"]
Former = Callable[[bytes], bytes | None]


class _Sent(msgspec.Struct):
    """Up to where a log was sent. `stream`: drawn for it once, so that two logs of one name are two for the receiver."""

    segment: int = 0
    offset: int = 0
    stream: str = ""


class _Line(msgspec.Struct):
    id: str = ""
    time: str = ""


def ship(folder: Path, target: str, form: Form, former: Former | None = None, to: Receiver | None = None) -> int:
    """Sends what was not sent to `target` yet; the events that were. ShipFailed, LogFailed.

    `target`: a path, `syslog://host:port`, an `http://` or `https://` address, which gets lines of JSON by POST, and of `otlp` one
    export request, `kafka://host:port/topic` or `s3://bucket/prefix`. `former` and `to`: what `former_of` and `receiver` gave, kept from
    one call to the next: so spans have their statement's beginning, and connections stay.
    """
    former, own = former or former_of(form), to or receiver(target)
    noted = folder / f"shipped-{hashlib.sha256(f'{form} {target}'.encode()).hexdigest()[:16]}.json"
    count = 0
    try:
        sent = _sent(noted)
        for begin, end, lines in _batches(folder, sent, own.most):
            batch, held = _formed(folder, begin, lines, former, form)
            count += held
            if batch is not None:
                own.send(batch)
            put(noted, msgspec.json.encode(end), synced=True)
    except (OSError, http.client.HTTPException) as error:
        raise ShipFailed(f"`{target}` did not take the events: {error}") from error
    except msgspec.MsgspecError as error:
        raise LogFailed("a line of the log is no event") from error
    finally:
        if to is None:
            own.close()
    return count


def _sent(noted: Path) -> _Sent:
    try:
        found = msgspec.json.decode(noted.read_bytes(), type=_Sent)
    except FileNotFoundError:
        found = _Sent()
    if not found.stream:
        found.stream = secrets.token_hex(8)
        # Before anything is sent under it.
        put(noted, msgspec.json.encode(found), synced=True)
    return found


def _batches(folder: Path, sent: _Sent, most: tuple[int, int]) -> Iterator[tuple[_Sent, _Sent, list[bytes]]]:
    """Where a batch begins and ends, and its lines, of one segment."""
    for number in sorted(one for one in segments(folder) if one >= sent.segment):
        at = begin = sent.offset if number == sent.segment else 0
        held: list[bytes] = []
        segment = open_segment(folder, number)
        try:
            for run in segment.runs(at):
                for line in run.splitlines(keepends=True):
                    at += len(line)
                    held.append(line[:-1])
                    if len(held) >= most[0] or at - begin >= most[1]:
                        yield _Sent(number, begin, sent.stream), _Sent(number, at, sent.stream), held
                        held, begin = [], at
            if held:
                yield _Sent(number, begin, sent.stream), _Sent(number, at, sent.stream), held
        finally:
            segment.close()


def _formed(folder: Path, begin: _Sent, lines: list[bytes], former: Former, form: Form) -> tuple[Batch | None, int]:
    """A batch and how many events it is of; None when it has nothing for this form."""
    found = [(line, body) for line in lines if (body := former(line)) is not None]
    if not found:
        return None, 0
    day = _line(found[0][0]).time[:10].replace("-", "/") or "undated"
    place = f"{folder.name}-{begin.stream}/{begin.segment:06d}-{begin.offset:012d}"
    bodies, keys = [body for _, body in found], [_key(line) for line, _ in found]
    kind = "application/x-ndjson"
    if form == "otlp":
        bodies, keys, kind = [b'{"resourceSpans":[%b]}' % b",".join(bodies)], [b""], "application/json"
    return Batch(bodies, keys, kind, place, day), len(found)


def _key(line: bytes) -> bytes:
    """What an event belongs to: all of its id but its number, which is its connection."""
    return _line(line).id.rpartition("-")[0].encode()


def _line(line: bytes) -> _Line:
    try:
        return msgspec.json.decode(line, type=_Line)
    except msgspec.MsgspecError:
        # Whatever stands in the log is sent; that it is no event is for `sluice audit verify` to say.
        return _Line()


def former_of(form: Form) -> Former:
    """What makes a body of a line of one log; None where the line has nothing for this form."""
    if form == "jsonl":
        return lambda line: line
    make = record if form == "ocsf" else run_event if form == "openlineage" else Spans().of

    def formed(line: bytes) -> bytes | None:
        found = make(line)
        return None if found is None else msgspec.json.encode(found)

    return formed
