"""One tree over several logs: its leaves are their checkpoints, as they were published, and its head is signed like theirs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.note import Checkpoint, NoteError, Signer, open_note
from sluice.audit.tree import HASH, WIDTH, Edge, leaf_hash, tile_path
from sluice.edges.evidence.files import put, read_checkpoint, sync_folder
from sluice.edges.evidence.tiles import tiles_in
from sluice.edges.sinks.jsonl import LogFailed


def publish(folder: Path, key: Ed25519PrivateKey, origin: str, logs: Iterable[Path]) -> Checkpoint:
    """Adds the checkpoints of `logs` that are not in the tree in `folder` yet; its signed head. LogFailed when it cannot.

    `key` signs the logs too. A log whose checkpoint does not hold is an error: nothing of it is published.
    """
    signer = Signer(origin, key)
    try:
        signed = read_checkpoint(folder, signer.verifier) or Checkpoint(origin, 0, Edge().root())
        edge, bundle = _edge(folder, signed.size)
        if edge.root() != signed.root:
            raise LogFailed(f"the tree in `{folder}` is not what was signed")
        newest = {note.split(b"\n", 1)[0]: note for note in _entries(_before(folder, signed.size) + bundle)}
        fresh = [note for note in (_checkpoint(log, key) for log in sorted(logs)) if note]
        fresh = [note for note in fresh if newest.get(note.split(b"\n", 1)[0]) != note]
        if not fresh:
            return signed
        head = _grow(folder, signer, edge, bundle, fresh)
    except OSError as error:
        raise LogFailed(f"the tree in `{folder}` cannot be written: {error.strerror}") from error
    return head


def _grow(folder: Path, signer: Signer, edge: Edge, bundle: bytes, notes: list[bytes]) -> Checkpoint:
    for note in notes:
        bundle += len(note).to_bytes(2, "big") + note
        for level, index, tile in edge.grow(leaf_hash(note)):
            put(folder / tile_path(str(level), index), tile, synced=True)
        if edge.size % WIDTH == 0:
            put(folder / tile_path("entries", edge.size // WIDTH - 1), bundle, synced=True)
            bundle = b""
    for level, index, held in edge.partial():
        put(folder / tile_path(str(level), index, len(held) // HASH), held, synced=True)
    if bundle:
        put(folder / tile_path("entries", edge.size // WIDTH, edge.size % WIDTH), bundle, synced=True)
    head = Checkpoint(signer.verifier.name, edge.size, edge.root())
    put(folder / "checkpoint", signer.sign(head.text()), synced=True)
    sync_folder(folder)
    return head


def _edge(folder: Path, size: int) -> tuple[Edge, bytes]:
    edge, level = Edge(size), 0
    tiles = tiles_in(folder, size)
    while size >> (8 * level):
        above = size >> (8 * level)
        edge.levels.append(tiles.level(level, above - above % WIDTH, above % WIDTH))
        level += 1
    bundle = b""
    if size % WIDTH:
        bundle = (folder / tile_path("entries", size // WIDTH, size % WIDTH)).read_bytes()
    return edge, bundle


def _before(folder: Path, size: int) -> bytes:
    """The last full bundle: what it holds needs no second leaf either."""
    return (folder / tile_path("entries", size // WIDTH - 1)).read_bytes() if size >= WIDTH else b""


def _entries(bundle: bytes) -> Iterable[bytes]:
    while bundle:
        end = 2 + int.from_bytes(bundle[:2], "big")
        yield bundle[2:end]
        bundle = bundle[end:]


def _checkpoint(log: Path, key: Ed25519PrivateKey) -> bytes:
    note = (log / "checkpoint").read_bytes() if (log / "checkpoint").exists() else b""
    if note:
        origin = note.split(b"\n", 1)[0].decode("utf-8", "replace")
        try:
            open_note(note, (Signer(origin, key).verifier,))
        except NoteError as error:
            raise LogFailed(f"the checkpoint of the log in `{log}` does not hold: {error}") from error
    return note
