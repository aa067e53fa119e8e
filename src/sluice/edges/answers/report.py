"""Reports for auditors: a page whose figures name the events behind them, in a folder with a proof of each."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from sluice.audit.note import Verifier
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.frameworks import FRAMEWORKS, QUERIES, Framework
from sluice.edges.evidence.prove import find, prove
from sluice.edges.evidence.verify import Report, verify
from sluice.edges.sinks.jsonl import LogFailed

SHOWN = 200
PROVEN = 10

_STYLE = (
    "body{font:14px/1.5 sans-serif;margin:2em auto;max-width:75em;color:#1c2733}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #d5dde5;padding:.3em .6em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "h2{margin-top:2em}.clause{color:#5a6b7b}.bad{color:#b00020}.good{color:#0a7a3b}"
)


@dataclass(frozen=True, slots=True)
class Span:
    """The time a report is about."""

    begin: datetime
    end: datetime


def write_report(
    framework: str, span: Span, answers: Answers, logs: Sequence[tuple[Path, Verifier]], page: Path
) -> list[Report]:
    """Writes the page, and beside it a folder `<name>.evidence` with proofs, checkpoints and verifier keys; what verification said.

    LogFailed when the log cannot be read, OSError when the files cannot be written.
    """
    wanted = FRAMEWORKS[framework]
    bundle = page.with_suffix(".evidence")
    bundle.mkdir(mode=0o700, parents=True, exist_ok=True)
    checked = [verify(folder, verifier) for folder, verifier in logs]
    for number, (folder, verifier) in enumerate(logs):
        shutil.copy(folder / "checkpoint", bundle / f"checkpoint-{number}")
        with (bundle / "verifier-keys").open("a" if number else "w") as file:
            file.write(f"{verifier}\n")
    sections = []
    for name, clause in wanted.sections.items():
        if name == "integrity":
            sections.append(_integrity(clause, checked))
        else:
            sections.append(_section(name, clause, wanted, span, answers, logs, bundle))
    page.write_text(_page(wanted, span, sections))
    return checked


def _section(
    name: str, clause: str, framework: Framework, span: Span, answers: Answers, logs: Sequence[tuple[Path, Verifier]],
    bundle: Path,
) -> str:  # fmt: skip
    heading, query = QUERIES[name]
    values: dict[str, object] = {"begin": span.begin, "end": span.end}
    tests = []
    for at, label in enumerate(framework.labels if "{regulated}" in query else ()):
        values[f"label{at}"] = label
        tests.append(f"l = $label{at} or starts_with(l, $label{at} || '.')")
    sql = query.format(when="time >= $begin and time < $end", regulated=" or ".join(tests) or "true")
    names, rows = answers.rows(sql, values)
    proven = {row[-1]: _proven(str(row[-1]), logs, bundle) for row in rows[:PROVEN]}
    head = "".join(f"<th>{escape(one)}</th>" for one in names)
    body = "".join(f"<tr>{''.join(_cells(row, proven.get(row[-1])))}</tr>" for row in rows[:SHOWN])
    more = f"<p>{len(rows) - SHOWN} more are in the log.</p>" if len(rows) > SHOWN else ""
    table = f"<table><tr>{head}</tr>{body}</table>{more}" if rows else "<p>None.</p>"
    return f'<h2>{escape(heading)} ({len(rows)})</h2><p class="clause">{escape(clause)}</p>{table}'


def _cells(row: Sequence[Any], proof: Path | None) -> list[str]:
    cells = [f"<td>{escape(_text(value))}</td>" for value in row[:-1]]
    name = escape(_text(row[-1]))
    link = f'<a href="{escape(proof.parent.name)}/{escape(proof.name)}">{name}</a>' if proof else name
    return [*cells, f"<td>{link}</td>"]


def _proven(event_id: str, logs: Sequence[tuple[Path, Verifier]], bundle: Path) -> Path | None:
    """The proof of an event's first line; None: it has no checkpoint yet, or its segment is not here."""
    path = bundle / f"{event_id}.tlog-proof"
    for folder, verifier in logs:
        for found in find(folder, event_id):
            try:
                path.write_bytes(prove(folder, verifier, found).text())
            except LogFailed:
                return None
            return path
    return None


def _integrity(clause: str, checked: Sequence[Report]) -> str:
    rows = []
    for one in checked:
        mark = (
            '<span class="good">holds</span>'
            if one.holds
            else f'<span class="bad">{escape("; ".join(one.problems))}</span>'
        )
        rows.append(
            f"<tr><td>{escape(one.origin)}</td><td>{mark}</td><td>{one.events}</td><td>{one.signed}</td>"
            f"<td><code>{one.root}</code></td><td>{escape('; '.join(one.notes))}</td></tr>"
        )
    head = "<tr><th>log</th><th>verification</th><th>events</th><th>signed</th><th>root hash</th><th>notes</th></tr>"
    return (
        f'<h2>Integrity of the log</h2><p class="clause">{escape(clause)}</p><table>{head}{"".join(rows)}</table>'
        "<p>Each linked event is a proof: <code>sluice audit check-proof FILE --key verifier-keys</code> checks it without the log.</p>"
    )


def _page(framework: Framework, span: Span, sections: Sequence[str]) -> str:
    title = f"{framework.name}: data access, {span.begin:%Y-%m-%d} to {span.end:%Y-%m-%d}"
    about = f"Labels: {', '.join(framework.labels)} and below." if framework.labels else "All labels."
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{escape(about)} Written {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} by Sluice from its event log.</p>"
        f"{''.join(sections)}</html>\n"
    )


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
