"""A report answers what each framework asks for, and each figure leads to an event with its proof."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.encode import encode, stamp
from sluice.audit.events import AuthFailed, ConfigReloaded, Peer
from sluice.audit.note import Verifier
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.bundle import Manifest, Row, Section, verify_bundle
from sluice.edges.answers.frameworks import FRAMEWORKS
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.report import Span, write_report
from sluice.edges.answers.report_pdf import pdf
from sluice.edges.config import Audit
from sluice.edges.evidence.keys import load_key
from sluice.edges.evidence.opening import open_log
from sluice.edges.evidence.prove import check_proof

from .conftest import START, some

SPAN = Span(
    datetime.fromtimestamp(START, UTC) - timedelta(days=1), datetime.fromtimestamp(START, UTC) + timedelta(days=2)
)


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Verifier]:
    log, notary, _ = open_log(Audit(path=tmp_path / "audit", signing_key=tmp_path / "key"))
    log.append(some())
    log.append(encode(AuthFailed("g-1", stamp(START), Peer("::1"), "<script>eve", "shop", "scram", "wrong password")))
    log.append(encode(ConfigReloaded("g-2", stamp(START), 4, ("policies/support.cedar",))))
    log.flush()
    notary.advance(*log.position)
    log.close()
    catch_up(log.path)
    return log.path, notary.verifier


def _key(signed: tuple[Path, Verifier]) -> Ed25519PrivateKey:
    return load_key(signed[0].parent / "key")


@pytest.mark.parametrize("framework", sorted(FRAMEWORKS))
def test_every_section_is_answered_and_proven(framework: str, signed: tuple[Path, Verifier], tmp_path: Path) -> None:
    page = tmp_path / "out" / "report.html"
    page.parent.mkdir()
    (checked,) = write_report(framework, SPAN, Answers([signed[0]]), [signed], _key(signed), page)
    assert checked.holds
    text = page.read_text()
    assert text.count("<h2>") == len(FRAMEWORKS[framework].sections) == 8
    assert "&lt;script&gt;eve" in text
    assert "<script>" not in text
    assert "policies/support.cedar" in text
    links = re.findall(r'href="([^"]+)"', text)
    assert len(links) > 5
    known = tuple(map(Verifier.parse, (page.parent / "report.evidence" / "verifier-keys").read_text().split()))
    for link in links:
        check_proof((page.parent / link).read_bytes(), known)
    verdict = verify_bundle(page.with_suffix(".evidence"), known)
    assert verdict.holds
    assert verdict.rows > 5


def test_a_report_is_about_the_labels_of_its_framework_and_its_time(
    signed: tuple[Path, Verifier], tmp_path: Path
) -> None:
    write_report("gdpr", SPAN, Answers([signed[0]]), [signed], _key(signed), tmp_path / "gdpr.html")
    assert "Regulated data shown in clear (1)" in (tmp_path / "gdpr.html").read_text()
    write_report("pci", SPAN, Answers([signed[0]]), [signed], _key(signed), tmp_path / "pci.html")
    assert "Regulated data shown in clear (0)" in (tmp_path / "pci.html").read_text()
    later = Span(SPAN.end, SPAN.end + timedelta(days=9))
    write_report("soc2", later, Answers([signed[0]]), [signed], _key(signed), tmp_path / "soc2.html")
    assert "People and services that sent statements (0)" in (tmp_path / "soc2.html").read_text()


def test_a_log_that_does_not_hold_says_so_in_the_report(signed: tuple[Path, Verifier], tmp_path: Path) -> None:
    path = signed[0] / "audit-000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"alice", b"olice", 1))
    (checked,) = write_report("soc2", SPAN, Answers([signed[0]]), [signed], _key(signed), tmp_path / "r.html")
    assert not checked.holds
    assert "do not make up the tree that was signed" in (tmp_path / "r.html").read_text()
    (problem,) = verify_bundle(tmp_path / "r.evidence", [signed[1]]).problems[:1]
    assert problem.startswith(f"the log {signed[1].name} did not hold when the report was written")


def test_a_report_as_pdf_says_the_same_and_its_links_lead_to_proofs(
    signed: tuple[Path, Verifier], tmp_path: Path
) -> None:
    page = tmp_path / "report.pdf"
    write_report("gdpr", SPAN, Answers([signed[0]]), [signed], _key(signed), page)
    assert page.read_bytes().startswith(b"%PDF-1.")
    assert verify_bundle(tmp_path / "report.evidence", [signed[1]]).holds
    manifest = msgspec.json.decode((tmp_path / "report.evidence" / "manifest.json").read_bytes(), type=Manifest)
    text = pdf(manifest, "report.evidence", compressed=False)
    for said in (
        b"user:alice",
        b"Regulated",
        b"report.evidence/proofs/c1-4-statement-asked.tlog-proof",
    ):
        assert said in text
    page.write_bytes(page.read_bytes() + b" ")
    assert verify_bundle(tmp_path / "report.evidence").problems == ["`report.pdf` is not the page that was written"]


def test_a_pdf_shows_what_its_fonts_lack_and_cuts_what_fills_a_page() -> None:
    rows = tuple(Row((f"row {number} \u4e2d\u202e\x07<b>", "x" * 20_000), 1, ()) for number in range(150))
    section = Section("access", "Heading", "clause", ("what", "text"), 150, rows)
    text = pdf(Manifest("Title", "About", "now", (section,), (), {}, {}), "b", compressed=False)
    assert b"row 149" in text
    assert b"u4e2d" in text
    assert b"u202e" in text
