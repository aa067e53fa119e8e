"""Signed notes, checkpoints, cosignatures and proofs in the formats of C2SP (signed-note, tlog-checkpoint, tlog-cosignature,
tlog-proof), with Ed25519.

A note is read only as far as its signatures by known keys hold; nothing here takes a text for true that nobody signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 1
COSIGNATURE = 4
_LONGEST = 1 << 16
_LINE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)\Z")
_NAME = re.compile(r"[^\s+\x00-\x1f]{1,255}\Z")
_NUMBER = re.compile(r"(?:0|[1-9]\d{0,18})\Z")
_PROOF = "c2sp.org/tlog-proof@v1"


class NoteError(Exception):
    """A note, key or proof that is malformed or not signed by the key it should be; the text says which."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Whose signatures are taken for good, and of which kind (`ED25519` of a log, `COSIGNATURE` of a witness)."""

    name: str
    public: bytes
    kind: int = ED25519

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """A verifier key as text: `<name>+<id in hex>+<base64>`. NoteError when it is none."""
        name, _, rest = text.strip().partition("+")
        mark, _, encoded = rest.partition("+")
        material = _decoded(encoded)
        if not _NAME.match(name) or len(material) != 33 or material[0] not in (ED25519, COSIGNATURE):
            raise NoteError("not a verifier key of the form `<name>+<id>+<base64>` for Ed25519")
        found = cls(name, material[1:], material[0])
        if found.id.hex() != mark:
            raise NoteError("the verifier key's id does not fit its name and key")
        return found

    @property
    def id(self) -> bytes:
        """Four bytes that name the key in a signature line."""
        whole = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(whole).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    def verify(self, signature: bytes, text: bytes) -> None:
        """NoteError unless this key made the signature over the note's text."""
        if self.kind == COSIGNATURE:
            if len(signature) != 72:
                raise NoteError(f"a cosignature of `{self.name}` has a wrong length")
            time = int.from_bytes(signature[:8], "big")
            signature, text = signature[8:], b"cosignature/v1\ntime %d\n%b" % (time, text)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            raise NoteError(f"the signature of `{self.name}` does not hold") from None


class Signer:
    """A key under a name. NoteError when the name is empty or has spaces or a plus."""

    def __init__(self, name: str, key: Ed25519PrivateKey, kind: int = ED25519) -> None:
        if not _NAME.match(name):
            raise NoteError("a log's name is 1 to 255 characters without spaces and `+`")
        self.verifier = Verifier(name, key.public_key().public_bytes_raw(), kind)
        self._key = key

    def sign(self, text: bytes) -> bytes:
        """The text (which ends in a line feed) as a note."""
        return text + b"\n" + self.line(self._key.sign(text))

    def cosign(self, text: bytes, time: int) -> bytes:
        """A cosigner's signature line for a checkpoint's text; `time` in seconds since the epoch."""
        made = self._key.sign(b"cosignature/v1\ntime %d\n%b" % (time, text))
        return self.line(time.to_bytes(8, "big") + made)

    def line(self, signature: bytes) -> bytes:
        """A signature as a line of a note."""
        encoded = base64.b64encode(self.verifier.id + signature).decode()
        return f"\u2014 {self.verifier.name} {encoded}\n".encode()


@dataclass(frozen=True, slots=True)
class Note:
    """A note whose signatures by known keys hold. `by`: those keys, as given."""

    text: bytes
    by: tuple[Verifier, ...]


def open_note(note: bytes, known: tuple[Verifier, ...]) -> Note:
    """The note, if at least one known key signed it and no signature by a known key is false; else NoteError."""
    text, by = _parts(note)
    signed = []
    for name, mark, signature in by:
        for verifier in known:
            if (verifier.name, verifier.id) == (name, mark):
                verifier.verify(signature, text)
                signed.append(verifier)
    if not signed:
        names = ", ".join(sorted({name for name, _, _ in by}))
        raise NoteError(f"no signature by a known key; it is signed by {names}")
    return Note(text, tuple(signed))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log's tree."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: bytes) -> Checkpoint:
        """From a note's text; NoteError when it is none."""
        lines = text.decode("utf-8", "replace").split("\n")
        if len(lines) < 4 or not lines[0] or not _NUMBER.match(lines[1]) or lines[-1]:
            raise NoteError("the note is no checkpoint: it needs an origin, a size and a hash")
        root = _decoded(lines[2])
        if len(root) != 32:
            raise NoteError("the checkpoint's hash has a wrong length")
        return cls(lines[0], int(lines[1]), root)

    def text(self) -> bytes:
        """As the text of a note."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry is in a log: its place, the way to the root, the signed checkpoint, and what else was given."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def text(self) -> bytes:
        """As the text of a file."""
        extra = [f"extra {base64.b64encode(self.extra).decode()}"] if self.extra else []
        path = [base64.b64encode(hash_).decode() for hash_ in self.path]
        return "\n".join([_PROOF, *extra, f"index {self.index}", *path, "", ""]).encode() + self.checkpoint

    @classmethod
    def parse(cls, text: bytes) -> Proof:
        """From the text of a file; NoteError when it is none."""
        head, _, checkpoint = text.partition(b"\n\n")
        lines = head.decode("utf-8", "replace").split("\n")
        if lines.pop(0) != _PROOF:
            raise NoteError(f"the file does not begin with `{_PROOF}`")
        extra = _decoded(lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else b""
        index = lines.pop(0) if lines else ""
        if not index.startswith("index ") or not _NUMBER.match(index[6:]):
            raise NoteError("the proof has no index")
        path = tuple(_decoded(line) for line in lines)
        if len(path) > 63 or any(len(hash_) != 32 for hash_ in path):
            raise NoteError("a hash of the proof has a wrong length")
        return cls(int(index[6:]), path, checkpoint, extra)


def _parts(note: bytes) -> tuple[bytes, list[tuple[str, bytes, bytes]]]:
    if len(note) > _LONGEST:
        raise NoteError("the note is too long")
    text, found, signatures = note.rpartition(b"\n\n")
    try:
        lines = signatures.decode().split("\n")
    except UnicodeDecodeError:
        raise NoteError("the note is not UTF-8") from None
    if not found or lines.pop():
        raise NoteError("the note has no signature lines, or the last one is not whole")
    by = []
    for line in lines:
        match = _LINE.match(line)
        signature = _decoded(match[2]) if match else b""
        if match is None or len(signature) < 5:
            raise NoteError("a signature line of the note is malformed")
        by.append((match[1], signature[:4], signature[4:]))
    return text + b"\n", by


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise NoteError("not base64 where it should be") from None
