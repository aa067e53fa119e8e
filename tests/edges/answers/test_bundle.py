"""A report's bundle is checked from its files alone, and whatever was done to it afterwards shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.note import Signer, Verifier
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.bundle import Manifest, Row, seal, signer_name, verify_bundle
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.report import Span, write_report
from sluice.edges.config import Audit
from sluice.edges.evidence.keys import load_key
from sluice.edges.evidence.opening import open_log
from sluice.edges.sinks.failed import LogFailed

from .conftest import START, some

SPAN = Span(
    datetime.fromtimestamp(START, UTC) - timedelta(days=1), datetime.fromtimestamp(START, UTC) + timedelta(days=2)
)


def report(folder: Path, origin: str, key: Path) -> tuple[Path, Verifier]:
    """A report on a log of this origin: its bundle, and the log's verifier key."""
    log, notary, _ = open_log(Audit(path=folder / "audit", signing_key=key, origin=origin))
    log.append(some())
    log.flush()
    notary.advance(*log.position)
    log.close()
    catch_up(log.path)
    page = folder / "report.html"
    write_report("soc2", SPAN, Answers([log.path]), [(log.path, notary.verifier)], load_key(key), page)
    return page.with_suffix(".evidence"), notary.verifier


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Verifier]:
    folder = tmp_path_factory.mktemp("report")
    return report(folder, "example.com/log", folder / "key")


@pytest.fixture(scope="module")
def other(written: tuple[Path, Verifier]) -> tuple[Path, Verifier]:
    """Of another log that the same key signs."""
    folder = written[0].parent / "other"
    folder.mkdir()
    return report(folder, "example.com/other", written[0].parent / "key")


@pytest.fixture
def bundle(written: tuple[Path, Verifier], tmp_path: Path) -> Path:
    """A copy to do things to, with its page."""
    shutil.copytree(written[0], tmp_path / "report.evidence")
    shutil.copy(written[0].parent / "report.html", tmp_path)
    return tmp_path / "report.evidence"


def _manifest(bundle: Path) -> Manifest:
    return msgspec.json.decode((bundle / "manifest.json").read_bytes(), type=Manifest)


def _said(bundle: Path, *known: Verifier) -> str:
    return "; ".join(verify_bundle(bundle, known).problems)


def test_a_bundle_that_nobody_touched_holds_and_its_figures_are_counted_again(bundle, written):
    verdict = verify_bundle(bundle, [written[1]])
    assert verdict.holds
    assert not verdict.notes
    assert verdict.events >= 7
    assert verdict.recounted > 10
    assert "hold them against those" in "".join(verify_bundle(bundle).notes)
    (bundle.parent / "report.html").unlink()
    assert "only its evidence was checked" in "".join(verify_bundle(bundle, [written[1]]).notes)


def _page(bundle: Path) -> None:
    page = bundle.parent / "report.html"
    page.write_text(page.read_text().replace("user:alice", "user:malice", 1))


def _figure(bundle: Path) -> None:
    path = bundle / "manifest.json"
    path.write_text(path.read_text().replace('"user:alice"', '"user:malice"', 1))


def _event_gone(bundle: Path) -> None:
    next((bundle / "proofs").glob("c1-2-*")).unlink()


def _row_gone(bundle: Path) -> None:
    found = _manifest(bundle)
    first = msgspec.structs.replace(found.sections[0], rows=found.sections[0].rows[1:])
    (bundle / "manifest.json").write_bytes(
        msgspec.json.encode(msgspec.structs.replace(found, sections=(first, *found.sections[1:])))
    )


def _proof_swapped(bundle: Path) -> None:
    one, other = (bundle / "proofs" / f"c1-{n}-statement-asked.tlog-proof" for n in (2, 4))
    shutil.copy(one, other)


def _line_altered(bundle: Path) -> None:
    path = bundle / "proofs" / "c1-2-statement-asked.tlog-proof"
    donor = (bundle / "proofs" / "c1-4-statement-asked.tlog-proof").read_bytes()
    extra = next(line for line in donor.split(b"\n") if line.startswith(b"extra "))
    path.write_bytes(b"\n".join(extra if one.startswith(b"extra ") else one for one in path.read_bytes().split(b"\n")))


def _no_proofs_listed(bundle: Path) -> None:
    found = msgspec.structs.replace(_manifest(bundle), proofs={})
    (bundle / "manifest.json").write_bytes(msgspec.json.encode(found))


def _signature_gone(bundle: Path) -> None:
    (bundle / "manifest.note").unlink()


def _checkpoint_gone(bundle: Path) -> None:
    (bundle / "checkpoint-0").unlink()


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_page, "`report.html` is not the page that was written"),
        (_figure, "figures or proofs in it were altered"),
        (_event_gone, "the proof of event c1-2 is missing"),
        (_row_gone, "figures or proofs in it were altered"),
        (_proof_swapped, "proves event c1-2 and not c1-4"),
        (_line_altered, "`c1-2-statement-asked.tlog-proof` proves nothing"),
        (_no_proofs_listed, "goes by event c1-4, which nothing here proves"),
        (_signature_gone, "the manifest's signature cannot be read"),
        (_checkpoint_gone, "`checkpoint-0` cannot be read"),
    ],
)
def test_what_was_done_to_a_bundle_shows(bundle: Path, written, harm: Callable[[Path], None], says: str) -> None:
    harm(bundle)
    assert says in _said(bundle, written[1])
    assert says in _said(bundle)


def test_proofs_and_checkpoints_of_another_log_do_not_count_though_the_same_key_signed_them(bundle, written, other):
    known = (written[1], other[1])
    name = "c1-2-statement-asked.tlog-proof"
    shutil.copy(other[0] / "proofs" / name, bundle / "proofs" / name)
    assert "under a checkpoint of example.com/other that the report does not name" in _said(bundle, *known)
    assert f"`{name}` proves nothing" in _said(bundle, written[1])
    shutil.copy(other[0] / "checkpoint-0", bundle / "checkpoint-0")
    assert "`checkpoint-0` is another than the report was written under: example.com/other" in _said(bundle, *known)


def test_a_bundle_of_somebody_elses_making_holds_only_by_their_own_keys(tmp_path: Path, written) -> None:
    forged, own = report(tmp_path, "example.com/log", tmp_path / "their.key")
    assert verify_bundle(forged).holds
    assert verify_bundle(forged).notes
    assert verify_bundle(forged, [own]).holds
    said = _said(forged, written[1])
    assert "the manifest is not signed by a key of the log" in said
    assert "`checkpoint-0` is not signed by a key of the log" in said


def _resealed(bundle: Path, key: Ed25519PrivateKey, change: Callable[[Row], Row]) -> None:
    found = _manifest(bundle)
    first = found.sections[0]
    changed = msgspec.structs.replace(first, rows=tuple(map(change, first.rows)))
    seal(
        bundle,
        msgspec.structs.replace(found, sections=(changed, *found.sections[1:])),
        Signer(signer_name("example.com/log"), key),
    )


def _told(old: str, new: str) -> Callable[[Row], Row]:
    """The whole of one cell, or a part of one that is a word."""
    return lambda row: msgspec.structs.replace(row, cells=tuple(new if one == old else one for one in row.cells))


def _twice(row: Row) -> Row:
    return msgspec.structs.replace(row, events=(*row.events[1:], row.events[1 % len(row.events)]))


def _of_nothing(row: Row) -> Row:
    return msgspec.structs.replace(row, total=0)


def _more(row: Row) -> Row:
    return msgspec.structs.replace(row, events=(*row.events, "c9-9"), total=row.total + 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_told("5", "99"), "says 99 statements; its events say 5"),
        (_told("user:alice", "user:malice"), "says user:malice who; its events say user:alice"),
        (_twice, "is not a row that a report has"),
        (_of_nothing, "is not a row that a report has"),
        (_more, "goes by event c9-9, which nothing here proves"),
    ],
)
def test_not_even_the_signer_can_say_what_the_events_do_not(bundle: Path, written, change, says) -> None:
    _resealed(bundle, load_key(written[0].parent / "key"), change)
    assert says in _said(bundle, written[1])


def test_names_that_lead_out_of_a_bundle_are_not_followed(bundle: Path, written) -> None:
    found = _manifest(bundle)
    key = load_key(written[0].parent / "key")
    leading = dict.fromkeys(found.proofs, ("../manifest.note",))
    made = msgspec.structs.replace(found, proofs=leading, pages={"../../etc/passwd": "0" * 64})
    seal(bundle, made, Signer(signer_name("example.com/log"), key))
    said = _said(bundle, written[1])
    assert "its name is none of a file in the bundle" in said
    assert "names a page that is no file beside it" in said


def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, bundle: Path) -> None:
    with pytest.raises(LogFailed, match="is not the evidence of a report"):
        verify_bundle(tmp_path / "nothing")
    (bundle / "manifest.json").write_text("{}")
    with pytest.raises(LogFailed, match="is not the evidence of a report"):
        verify_bundle(bundle)
