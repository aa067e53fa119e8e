"""A proof convinces whoever has the verifier key, and only of what the log holds."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from sluice.audit.note import NoteError, Proof
from sluice.audit.tree import ProofError
from sluice.edges.evidence.prove import check_proof, find, prove
from sluice.edges.sinks.jsonl import LogFailed

from .conftest import Ledger


@pytest.mark.parametrize("number", [0, 1, 255, 256, 500, 699])
def test_a_proof_verifies_without_the_log(begin: Callable[..., Ledger], number: int) -> None:
    ledger = begin(segment_bytes=9000)
    ledger.write(700)
    (found,) = find(ledger.folder, f"c-{number}")
    text = prove(ledger.folder, ledger.notary.verifier, found).text()
    line, proof, checkpoint = check_proof(text, (ledger.notary.verifier,))
    assert (line, proof.index, checkpoint.size) == (found.line, number, 700)


def test_a_proof_of_something_else_proves_nothing(ledger: Ledger) -> None:
    ledger.write(20)
    (found,) = find(ledger.folder, "c-7")
    proof = prove(ledger.folder, ledger.notary.verifier, found)
    evidence = msgspec.json.decode(proof.extra)
    forged = msgspec.json.encode({**evidence, "line": evidence["line"].replace("select '7'", "select '8'")})
    known = (ledger.notary.verifier,)
    with pytest.raises(ProofError, match="does not lead"):
        check_proof(Proof(7, proof.path, proof.checkpoint, forged).text(), known)
    with pytest.raises(ProofError):
        check_proof(Proof(6, proof.path, proof.checkpoint, proof.extra).text(), known)
    with pytest.raises(NoteError, match="line and salt"):
        check_proof(Proof(7, proof.path, proof.checkpoint).text(), known)
    with pytest.raises(NoteError, match="no signature"):
        check_proof(proof.text(), ())


def test_an_event_without_a_checkpoint_is_not_proven_yet(ledger: Ledger) -> None:
    ledger.write(2)
    ledger.write(1, sign=False)
    (found,) = find(ledger.folder, "c-2")
    with pytest.raises(LogFailed, match="no checkpoint yet"):
        prove(ledger.folder, ledger.notary.verifier, found)


def test_an_id_inside_another_event_is_not_found(ledger: Ledger) -> None:
    ledger.log.append(b'{"id":"a","nested":{"id":"b"},"text":"\\"id\\":\\"c\\""}\n{"id":"b"}\n')
    assert [one.index for one in find(ledger.folder, "b")] == [1]
    assert [one.index for one in find(ledger.folder, "c")] == []
