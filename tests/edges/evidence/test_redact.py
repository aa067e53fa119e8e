"""A text is struck out for good, and everything that was signed still holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sluice.edges.evidence.files import salts_path
from sluice.edges.evidence.prove import check_proof, find, prove
from sluice.edges.evidence.redact import redact, redactions
from sluice.edges.evidence.verify import verify
from sluice.edges.sinks.jsonl import LogFailed

from .conftest import Ledger


def test_a_struck_out_text_is_nowhere_and_proofs_hold(begin: Callable[..., Ledger]) -> None:
    ledger = begin(segment_bytes=9000)
    ledger.write(400)
    (before,) = find(ledger.folder, "c-31")
    old = prove(ledger.folder, ledger.notary.verifier, before).text()
    (made,) = redact(ledger.folder, "c-31", "asked for by its subject", ledger.signer)
    assert list(redactions(ledger.folder, ledger.notary.verifier)) == [made]
    (found,) = find(ledger.folder, "c-31")
    assert b"select '31'" not in found.line
    assert b'"text":"[redacted ' in found.line
    assert before.salt not in salts_path(ledger.folder, found.segment).read_bytes()
    known = (ledger.notary.verifier,)
    new = prove(ledger.folder, ledger.notary.verifier, found).text()
    assert check_proof(new, known)[1].path == check_proof(old, known)[1].path
    report = verify(ledger.folder, ledger.notary.verifier)
    assert report.problems == []
    assert report.notes == ["1 texts were struck out; `redactions.jsonl` says which and why"]
    assert redact(ledger.folder, "c-31", "again", ledger.signer) == []
    ledger.restart()
    ledger.write(1)


def test_a_text_that_was_struck_out_with_another_salt_is_an_altered_event(begin: Callable[..., Ledger]) -> None:
    ledger = begin(segment_bytes=9000)
    ledger.write(400)
    (found,) = find(ledger.folder, "c-31")
    path = ledger.folder / f"audit-{found.segment:06d}.jsonl"
    other = b'"text":"[redacted ' + b"0" * 64 + b']"'
    path.write_bytes(path.read_bytes().replace(b'"text":"select \'31\'"', other))
    assert not verify(ledger.folder, ledger.notary.verifier).holds


def test_a_segment_that_is_written_to_is_left_alone(ledger: Ledger) -> None:
    ledger.write(10)
    with pytest.raises(LogFailed, match="still written to"):
        redact(ledger.folder, "c-1", "no", ledger.signer)
