"""A text is struck out for good, and everything that was signed still holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.edges.answers.ship import ship
from sluice.edges.evidence.files import salts_path
from sluice.edges.evidence.prove import check_proof, find, prove
from sluice.edges.evidence.readers import moved
from sluice.edges.evidence.redact import redact, redactions
from sluice.edges.evidence.sealing import seal_closed
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


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("event", ["c-4", "c-40"])
def test_who_had_read_a_part_of_a_segment_goes_on_where_they_were(
    begin: Callable[..., Ledger], tmp_path: Path, event: str, sealed: bool
) -> None:
    ledger = begin(segment_bytes=4096)
    ledger.write(200)
    if sealed:
        list(seal_closed(ledger.folder))
    target = tmp_path / "out.jsonl"
    ship(ledger.folder, str(target), "jsonl")
    lines = target.read_bytes().splitlines(keepends=True)
    # As if both had stopped behind the first twenty lines.
    (noted,) = ledger.folder.glob("shipped-*.json")
    columns = ledger.folder / "columns"
    columns.mkdir()
    stopped = {"segment": 1, "offset": sum(map(len, lines[:20]))}
    for path in (noted, columns / "state.json"):
        path.write_text(json.dumps({**stopped, "more": "kept"}))
    assert redact(ledger.folder, event, "asked for", ledger.signer)
    target.unlink()
    ship(ledger.folder, str(target), "jsonl")
    sent = [json.loads(line)["id"] for line in target.read_bytes().splitlines()]
    assert sent == [f"c-{n}" for n in range(20, 200)]
    shift = json.loads((columns / "state.json").read_text())["offset"] - stopped["offset"]
    assert (shift != 0) is (event == "c-4")
    assert json.loads((columns / "state.json").read_text())["more"] == "kept"


def test_notes_of_other_segments_and_what_is_no_note_stay_as_they_are(tmp_path: Path) -> None:
    texts = {"shipped-1.json": '{"segment":2,"offset":90}', "shipped-2.json": "{torn", "shipped-3.json": "{}"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    moved(tmp_path, 1, 10, 7)
    assert {name: (tmp_path / name).read_text() for name in texts} == texts
    moved(tmp_path, 2, 10, 7)
    assert json.loads((tmp_path / "shipped-1.json").read_text()) == {"segment": 2, "offset": 97}
