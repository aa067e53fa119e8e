"""A report as a page of HTML, without a script or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from sluice.edges.answers.bundle import PROOFS, Log, Manifest, Row, Section

_STYLE = (
    "body{font:14px/1.5 sans-serif;margin:2em auto;max-width:75em;color:#1c2733}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #d5dde5;padding:.3em .6em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "h2{margin-top:2em}.clause{color:#5a6b7b}.bad{color:#b00020}.good{color:#0a7a3b}"
)


def html(manifest: Manifest, bundle: str) -> bytes:
    """The page; links lead into the folder `bundle` beside it."""
    title = escape(manifest.title)
    sections = "".join(_section(section, manifest, bundle) for section in manifest.sections)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(manifest.about)} Written {manifest.written} by Sluice from its event log.</p>"
        f"{sections}<p>Each linked event is a proof. <code>sluice audit verify {escape(bundle)}</code> checks them all, and "
        "this page, without the log.</p></html>\n"
    ).encode()


def _section(section: Section, manifest: Manifest, bundle: str) -> str:
    if section.name == "integrity":
        head = (
            "<tr><th>log</th><th>verification</th><th>events</th><th>signed</th><th>root hash</th><th>notes</th></tr>"
        )
        body = "".join(_log(log) for log in manifest.logs)
        return f'<h2>{escape(section.heading)}</h2><p class="clause">{escape(section.clause)}</p><table>{head}{body}</table>'
    names = "".join(f"<th>{escape(one)}</th>" for one in (*section.columns, "events"))
    rows = "".join(_row(row, manifest.proofs, bundle) for row in section.rows)
    left = section.count - len(section.rows)
    more = f"<p>{left} more are in the log.</p>" if left else ""
    table = f"<table><tr>{names}</tr>{rows}</table>{more}" if rows else "<p>None.</p>"
    return f'<h2>{escape(section.heading)} ({section.count})</h2><p class="clause">{escape(section.clause)}</p>{table}'


def _row(row: Row, proofs: Mapping[str, tuple[str, ...]], bundle: str) -> str:
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells)
    links = " ".join(
        f'<a href="{escape(bundle)}/{PROOFS}/{escape(name)}">{escape(event)}</a>'
        for event in row.events
        for name in proofs[event][:1]
    )
    return f"<tr>{cells}<td>{row.total}: {links}</td></tr>"


def _log(log: Log) -> str:
    held = (
        f'<span class="bad">{escape("; ".join(log.problems))}</span>'
        if log.problems
        else '<span class="good">holds</span>'
    )
    return (
        f"<tr><td>{escape(log.origin)}</td><td>{held}</td><td>{log.events}</td><td>{log.signed}</td>"
        f"<td><code>{log.root}</code></td><td>{escape('; '.join(log.notes))}</td></tr>"
    )
