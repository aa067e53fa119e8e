"""Notes, checkpoints, cosignatures and proofs are those of C2SP, and what is not signed is not believed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.note import COSIGNATURE, Checkpoint, NoteError, Proof, Signer, Verifier, open_note

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG = Signer("example.com/log", KEY)
WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(32)), COSIGNATURE)
HEAD = Checkpoint("example.com/log", 20_852_163, bytes(range(32)))

# The example of the specification of signed notes, with the key of its reference implementation.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""


def test_a_note_that_others_signed_is_read() -> None:
    opened = open_note(NOTE.encode(), (Verifier.parse(PETER),))
    assert opened.text.endswith(b"your problem is.\n")
    assert str(opened.by[0]) == PETER


def test_a_checkpoint_comes_back_from_its_note() -> None:
    note = LOG.sign(HEAD.text())
    assert note.startswith(b"example.com/log\n20852163\nAAECAwQF")
    opened = open_note(note, (LOG.verifier,))
    assert (Checkpoint.parse(opened.text), opened.by) == (HEAD, (LOG.verifier,))
    assert Verifier.parse(str(LOG.verifier)) == LOG.verifier


def test_a_cosignature_stands_beside_the_logs_own() -> None:
    note = LOG.sign(HEAD.text()) + WITNESS.cosign(HEAD.text(), 1_679_315_147)
    assert open_note(note, (LOG.verifier, WITNESS.verifier)).by == (LOG.verifier, WITNESS.verifier)
    assert open_note(note, (WITNESS.verifier,)).by == (WITNESS.verifier,)


@pytest.mark.parametrize("kind", ["log", "witness"])
def test_a_note_whose_text_was_changed_does_not_hold(kind: str) -> None:
    note = LOG.sign(HEAD.text()) + WITNESS.cosign(HEAD.text(), 5)
    verifier = LOG.verifier if kind == "log" else WITNESS.verifier
    with pytest.raises(NoteError, match="does not hold"):
        open_note(note.replace(b"20852163", b"20852164"), (verifier,))


def test_a_false_signature_by_a_known_key_spoils_the_note() -> None:
    false = LOG.line(bytes(64))
    with pytest.raises(NoteError, match="does not hold"):
        open_note(LOG.sign(HEAD.text()) + false, (LOG.verifier,))


def test_a_note_that_no_known_key_signed_names_who_did() -> None:
    with pytest.raises(NoteError, match=r"signed by example\.com/log"):
        open_note(LOG.sign(HEAD.text()), (WITNESS.verifier,))


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n- name AAAA\n",
        b"text\n\n\xe2\x80\x94 name AA\n",
        b"\xff\n\n\xff\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_note_is_refused(note: bytes) -> None:
    with pytest.raises(NoteError):
        open_note(note, (LOG.verifier,))


@pytest.mark.parametrize("text", [b"", b"o\n1\n", b"o\n01\nAA==\n", b"o\n-1\nAA==\n", b"o\n1\nAA==\n", b"o\n1\n!\n"])
def test_what_is_no_checkpoint_is_refused(text: bytes) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


@pytest.mark.parametrize("text", ["", "a", "a+b", "a b+00000000+AAAA", PETER.replace("c74f", "c74e"), PETER[:-4]])
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb", "x" * 256])
def test_a_name_that_a_note_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(NoteError):
        Signer(name, KEY)


def test_a_proof_comes_back_from_its_text() -> None:
    proof = Proof(7, (bytes(32), bytes(range(32))), LOG.sign(HEAD.text()), b"extra")
    assert Proof.parse(proof.text()) == proof
    bare = Proof(0, (), LOG.sign(HEAD.text()))
    assert Proof.parse(bare.text()) == bare


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"c2sp.org/tlog-proof@v1\n\n",
        b"c2sp.org/tlog-proof@v1\nindex 01\n\n",
        b"c2sp.org/tlog-proof@v1\nindex 1\nAA==\n\n",
    ],
)
def test_what_is_no_proof_is_refused(text: bytes) -> None:
    with pytest.raises(NoteError):
        Proof.parse(text)
