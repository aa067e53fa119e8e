"""Reports for auditors: a page whose figures name the events behind them, and a bundle that proves them without the log."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.events import decode
from sluice.audit.note import Signer, Verifier
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.bundle import PROOFS, Log, Manifest, Row, Section, seal, signer_name
from sluice.edges.answers.frameworks import EACH, FRAMEWORKS, QUERIES, Framework
from sluice.edges.answers.report_html import html
from sluice.edges.answers.report_pdf import pdf
from sluice.edges.evidence.files import put
from sluice.edges.evidence.prove import find_all, prove
from sluice.edges.evidence.verify import Report, verify
from sluice.edges.sinks.jsonl import LogFailed

SHOWN = 200
PROVEN = 500
"""Events of a section that are proven, shared by its rows in their order."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time a report is about."""

    begin: datetime
    end: datetime


def write_report(
    framework: str,
    span: Span,
    answers: Answers,
    logs: Sequence[tuple[Path, Verifier]],
    key: Ed25519PrivateKey,
    page: Path,
) -> list[Report]:
    """Writes the page (PDF by its name, else HTML) and beside it the bundle `<name>.evidence`; what verification of the logs said.

    `key` signs the bundle, as it signs the logs. LogFailed when the log cannot be read or what makes PDF is missing, OSError
    when the files cannot be written.
    """
    wanted = FRAMEWORKS[framework]
    bundle = page.with_suffix(".evidence")
    shutil.rmtree(bundle / PROOFS, ignore_errors=True)
    (bundle / PROOFS).mkdir(mode=0o700, parents=True, exist_ok=True)
    checked = [verify(folder, verifier) for folder, verifier in logs]
    for number, (folder, _) in enumerate(logs):
        shutil.copy(folder / "checkpoint", bundle / f"checkpoint-{number}")
    put(bundle / "verifier-keys", "".join(f"{verifier}\n" for _, verifier in logs).encode())
    asked = [
        _section(name, clause, wanted, span, answers) for name, clause in wanted.sections.items() if name != "integrity"
    ]
    proofs = _proofs({event for section in asked for row in section.rows for event in row.events}, logs, bundle)
    manifest = Manifest(
        title=f"{wanted.name}: data access, {span.begin:%Y-%m-%d} to {span.end:%Y-%m-%d}",
        about=f"Labels: {', '.join(wanted.labels)} and below." if wanted.labels else "All labels.",
        written=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        sections=tuple(_in_order(wanted, [_with_proven(section, proofs) for section in asked])),
        logs=tuple(
            Log(one.origin, one.events, one.signed, one.root, tuple(one.problems), tuple(one.notes)) for one in checked
        ),
        proofs=proofs,
        pages={},
    )
    written = pdf(manifest, bundle.name) if page.suffix == ".pdf" else html(manifest, bundle.name)
    page.write_bytes(written)
    origin = logs[0][1].name if logs else "sluice"
    pages = {page.name: hashlib.sha256(written).hexdigest()}
    seal(bundle, msgspec.structs.replace(manifest, pages=pages), Signer(signer_name(origin), key))
    return checked


def _section(name: str, clause: str, framework: Framework, span: Span, answers: Answers) -> Section:
    heading, query = QUERIES[name]
    values: dict[str, object] = {"begin": span.begin, "end": span.end}
    tests = []
    for at, label in enumerate(framework.labels if "{regulated}" in query else ()):
        values[f"label{at}"] = label
        tests.append(f"l = $label{at} or starts_with(l, $label{at} || '.')")
    sql = query.format(when="time >= $begin and time < $end", regulated=" or ".join(tests) or "true", each=EACH)
    names, rows = answers.rows(sql, values)
    left, shown = PROVEN, []
    for row in rows[:SHOWN]:
        *cells, total, events = row
        shown.append(Row(tuple(map(_text, cells)), total, tuple(events[:left])))
        left -= len(shown[-1].events)
    return Section(name, heading, clause, tuple(names[:-2]), len(rows), tuple(shown))


def _in_order(framework: Framework, asked: Iterable[Section]) -> Iterable[Section]:
    """The sections as the framework has them; that on the logs themselves has no rows of events."""
    known = {section.name: section for section in asked}
    for name, clause in framework.sections.items():
        yield known.get(name) or Section(name, "Integrity of the log", clause, (), 0, ())


def _with_proven(section: Section, proofs: Mapping[str, tuple[str, ...]]) -> Section:
    rows = tuple(Row(row.cells, row.total, tuple(one for one in row.events if one in proofs)) for row in section.rows)
    return msgspec.structs.replace(section, rows=rows)


def _proofs(events: set[str], logs: Sequence[tuple[Path, Verifier]], bundle: Path) -> dict[str, tuple[str, ...]]:
    """Proves every line of these events; the files of each. Not there: one that has no checkpoint yet, or whose segment is not here."""
    made: dict[str, list[str]] = {}
    failed: set[str] = set()
    for folder, verifier in logs:
        for event, found in find_all(folder, events):
            try:
                proof = prove(folder, verifier, found).text()
            except LogFailed:
                failed.add(event)
                continue
            name = f"{event}-{decode(found.line).__struct_config__.tag}.tlog-proof"
            (bundle / PROOFS / name).write_bytes(proof)
            made.setdefault(event, []).append(name)
    return {event: tuple(names) for event, names in sorted(made.items()) if event not in failed}


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case str() | int():
            return str(value)
        case _:
            return msgspec.json.encode(value).decode()
