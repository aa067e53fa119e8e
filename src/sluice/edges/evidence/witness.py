"""Hands checkpoints to those who keep them where the gateway cannot change them: files elsewhere, a webhook, a cosigner.

A cosigner speaks C2SP tlog-witness: it is shown that each checkpoint continues the one before, and signs that it saw so.
"""

from __future__ import annotations

import base64
import http.client
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from sluice.audit.note import COSIGNATURE, Checkpoint, NoteError, Verifier, open_note
from sluice.audit.tree import ProofError
from sluice.edges.config import Witness
from sluice.edges.evidence.files import put
from sluice.edges.evidence.flat import hashes_of
from sluice.edges.evidence.tiles import lay_out
from sluice.edges.sinks.jsonl import LogFailed

_SECONDS = 10.0
_LONGEST = 1 << 16
_CONFLICT = 409
_DIGITS = 19


class WitnessFailed(Exception):
    """A witness did not take a checkpoint; the text says which and why. The next checkpoint is handed on all the same."""


def hand_on(folder: Path, log: Verifier, witness: Witness) -> Checkpoint:
    """Gives the log's newest checkpoint to a witness; WitnessFailed when that did not work."""
    try:
        note = (folder / "checkpoint").read_bytes()
        checkpoint = Checkpoint.parse(open_note(note, (log,)).text)
        if witness.file is not None:
            put(witness.file, note, synced=True)
        elif witness.tiles is not None:
            lay_out(folder, log, witness.tiles)
        elif witness.webhook is not None:
            status, said = _post(witness.webhook, note)
            if not 200 <= status < 300:
                raise WitnessFailed(f"{_name(witness)} answered with {status}: {said[:200]!r}")
        else:
            _cosign(folder, note, checkpoint, witness)
    except (OSError, http.client.HTTPException, NoteError, ProofError, LogFailed, ValueError) as error:
        raise WitnessFailed(f"{_name(witness)} did not take the checkpoint: {error}") from error
    return checkpoint


def witnessed(folder: Path) -> bytes:
    """The newest checkpoint that a cosigner signed, with its signatures; empty when there is none."""
    try:
        return (folder / "witnessed").read_bytes()
    except FileNotFoundError:
        return b""


def _cosign(folder: Path, note: bytes, checkpoint: Checkpoint, witness: Witness) -> None:
    known = Verifier.parse(witness.key or "")
    if known.kind != COSIGNATURE:
        raise WitnessFailed(f"the key of {_name(witness)} is not that of a cosigner")
    older = _seen(folder, known)
    status, said = _submit(folder, note, checkpoint, witness, older)
    if status == _CONFLICT and said.strip().isdigit() and len(said) <= _DIGITS:
        # It saw another checkpoint than was noted here, as after a restore: the proof begins at that.
        older = int(said)
        status, said = _submit(folder, note, checkpoint, witness, older)
    if status != http.client.OK:
        raise WitnessFailed(f"{_name(witness)} answered with {status}: {said[:200]!r}")
    if open_note(note + said, (known,)).by != (known,):
        raise WitnessFailed(f"{_name(witness)} answered with a signature that is not its own alone")
    before = witnessed(folder)
    head, _, signatures = before.rpartition(b"\n\n")
    same = head + b"\n" == checkpoint.text()
    mark = f"\u2014 {known.name} ".encode()
    lines = [line for line in signatures.splitlines(keepends=True) if same and not line.startswith(mark)]
    put(folder / "witnessed", (checkpoint.text() + b"\n" + b"".join(lines) if same else note) + said, synced=True)
    put(_seen_path(folder, known), b"%d\n" % checkpoint.size, synced=True)


def _submit(folder: Path, note: bytes, checkpoint: Checkpoint, witness: Witness, older: int) -> tuple[int, bytes]:
    if older > checkpoint.size:
        raise WitnessFailed(f"{_name(witness)} has seen {older} events of this log, which has {checkpoint.size}")
    path = hashes_of(folder, checkpoint.size).consistency(older)
    lines = [b"old %d\n" % older, *(base64.b64encode(hash_) + b"\n" for hash_ in path), b"\n", note]
    return _post(f"{(witness.cosigner or '').rstrip('/')}/add-checkpoint", b"".join(lines))


def _seen(folder: Path, known: Verifier) -> int:
    try:
        text = _seen_path(folder, known).read_text().strip()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdigit() else 0


def _seen_path(folder: Path, known: Verifier) -> Path:
    return folder / f"witness-{known.id.hex()}.size"


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=_SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.request("POST", path, body, {"content-type": "text/plain; charset=utf-8"})
        answer = connection.getresponse()
        return answer.status, answer.read(_LONGEST)
    finally:
        connection.close()


def _name(witness: Witness) -> str:
    return f"the witness `{witness.file or witness.tiles or witness.webhook or witness.cosigner}`"
