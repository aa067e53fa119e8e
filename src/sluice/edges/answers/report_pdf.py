"""A report as PDF, by ReportLab (an extra: nothing else needs it)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from html import escape
from importlib import import_module
from typing import Any

from sluice.edges.answers.bundle import PROOFS, Manifest, Section
from sluice.edges.sinks.failed import LogFailed

_LONGEST = 400
"""Characters of a cell; the manifest has the whole text."""
_MARGIN = 36


def pdf(manifest: Manifest, bundle: str, *, compressed: bool = True) -> bytes:
    """The document; links lead into the folder `bundle` beside it. LogFailed when ReportLab is not installed."""
    try:
        platypus: Any = import_module("reportlab.platypus")
        sizes: Any = import_module("reportlab.lib.pagesizes")
        styles = import_module("reportlab.lib.styles").getSampleStyleSheet()
    except ImportError as error:
        raise LogFailed(
            "a report as PDF needs ReportLab: `pip install 'sluice[pdf]'`; `-o report.html` needs nothing"
        ) from error
    small = styles["BodyText"].clone("small", fontSize=7, leading=8.5)
    out = io.BytesIO()
    page = sizes.landscape(sizes.A4)
    document = platypus.SimpleDocTemplate(
        out, pagesize=page, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
        title=_plain(manifest.title), author="Sluice", pageCompression=int(compressed), invariant=1,
    )  # fmt: skip

    def paragraph(text: str, style: str | None = None) -> Any:
        return platypus.Paragraph(text, styles[style] if style else small)

    def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
        cells = [[paragraph(f"<b>{_cell(one)}</b>") for one in head]]
        cells += [[paragraph(one) for one in row] for row in rows]
        width = (page[0] - 2 * _MARGIN) / len(head)
        rule = [("LINEBELOW", (0, 0), (-1, -1), 0.25, "#d5dde5"), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        return platypus.LongTable(cells, [width] * len(head), style=rule, repeatRows=1, splitInRow=1)

    about = f"{manifest.about} Written {manifest.written} by Sluice from its event log."
    story = [paragraph(_cell(manifest.title), "Title"), paragraph(_cell(about), "BodyText")]
    for section in manifest.sections:
        story.append(paragraph(_cell(_heading(section)), "Heading2"))
        story.append(paragraph(_cell(section.clause), "Italic"))
        if section.name == "integrity":
            head = ("log", "verification", "events", "signed", "root hash", "notes")
            story.append(table(head, _logs(manifest)))
        elif section.rows:
            story.append(table((*section.columns, "events"), _rows(section, manifest, bundle)))
            left = section.count - len(section.rows)
            story += [paragraph(f"{left} more are in the log.", "BodyText")] if left else []
        else:
            story.append(paragraph("None.", "BodyText"))
    how = f"Each linked event is a proof. sluice audit verify {bundle} checks them all, and this document, without the log."
    story.append(paragraph(_cell(how), "BodyText"))
    document.build(story)
    return out.getvalue()


def _heading(section: Section) -> str:
    return section.heading if section.name == "integrity" else f"{section.heading} ({section.count})"


def _rows(section: Section, manifest: Manifest, bundle: str) -> Iterable[list[str]]:
    for row in section.rows:
        links = " ".join(
            f'<link href="{escape(f"{bundle}/{PROOFS}/{name}")}" color="blue">{_cell(event)}</link>'
            for event in row.events
            for name in manifest.proofs[event][:1]
        )
        yield [*map(_cell, row.cells), f"{row.total}: {links}"]


def _logs(manifest: Manifest) -> Iterable[list[str]]:
    for log in manifest.logs:
        said = "; ".join(log.problems) or "holds"
        yield list(map(_cell, (log.origin, said, str(log.events), str(log.signed), log.root, "; ".join(log.notes))))


def _cell(text: str) -> str:
    return escape(_plain(text if len(text) <= _LONGEST else text[:_LONGEST] + "..."))


def _plain(text: str) -> str:
    """In the characters that the fonts of every PDF reader have; others as escapes, which can hide nothing."""
    seen = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return seen.encode("latin-1", "backslashreplace").decode("latin-1")
