"""The lists beside a log: what was taken out of it and why, and what has to stay. Each line is signed by the log's key and names the line before it.

So no line can be altered, put in, moved or taken from between others without `sluice audit verify` saying so; what was not signed is not gone by.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import TypeVar

import msgspec

from sluice.audit.note import NoteError, Signer, Verifier, open_note
from sluice.edges.sinks.failed import LogFailed

Entry = TypeVar("Entry", bound=msgspec.Struct)


class _Line(msgspec.Struct, frozen=True):
    entry: msgspec.Raw
    after: str
    signature: str


def add(path: Path, entry: msgspec.Struct, signer: Signer) -> None:
    """Appends to a list, onto the medium. OSError when that fails, LogFailed when the list so far does not hold."""
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        whole = file.read()
        kept = whole[: whole.rfind(b"\n") + 1]
        if len(kept) < len(whole):
            # The last line was torn; whoever wrote it did not go on.
            file.truncate(len(kept))
        after = _checked(path, kept, signer.verifier)[1]
        raw = msgspec.json.encode(entry)
        signature = signer.sign(_text(path, raw, after)).rpartition(b"\n\n")[2].decode()
        file.write(msgspec.json.encode(_Line(msgspec.Raw(raw), after, signature)) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def entries(path: Path, kind: type[Entry], verifier: Verifier) -> list[Entry]:
    """A list's entries; none when there is no list. LogFailed when it cannot be read or a line is not what was signed."""
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LogFailed(f"`{path}` cannot be read: {error.strerror}") from error
    try:
        return [msgspec.json.decode(raw, type=kind) for raw in _checked(path, whole, verifier)[0]]
    except msgspec.MsgspecError as error:
        raise LogFailed(f"`{path}` holds another list than it should") from error


def _checked(path: Path, whole: bytes, verifier: Verifier) -> tuple[list[msgspec.Raw], str]:
    """The entries of a list, and what the next line has to name."""
    found, after = [], ""
    for number, line in enumerate(whole[: whole.rfind(b"\n") + 1].splitlines(), 1):
        try:
            held = msgspec.json.decode(line, type=_Line)
            open_note(_text(path, bytes(held.entry), held.after) + b"\n" + held.signature.encode(), (verifier,))
        except (msgspec.MsgspecError, NoteError) as error:
            raise LogFailed(f"line {number} of `{path}` is not what the log's key signed") from error
        if held.after != after:
            raise LogFailed(f"line {number} of `{path}` does not follow the one before it")
        found.append(held.entry)
        after = hashlib.sha256(line).hexdigest()
    return found, after


def _text(path: Path, raw: bytes, after: str) -> bytes:
    """What is signed of a line: of which list, the entry, and the line before it."""
    return b"sluice list %b\n%b\n%b\n" % (path.name.encode(), after.encode(), raw)
