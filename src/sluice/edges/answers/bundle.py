"""A report's evidence: what it says in a signed manifest, a proof of each event it names, checkpoints and keys; and its verification.

The bundle is checked from its files alone. The manifest is signed under the log's own key and the name `<origin>/report`, so a
figure that was altered shows; each event is proven under a checkpoint that the manifest names; and where all events of a row are
there, its figures are counted again from them, so that not even the signer can give another number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sluice.audit.events import Event, StatementAsked, StatementDone, decode
from sluice.audit.note import Checkpoint, NoteError, Signer, Verifier, open_note
from sluice.audit.tree import ProofError
from sluice.edges.evidence.files import put
from sluice.edges.evidence.prove import check_proof
from sluice.edges.evidence.verify import Findings
from sluice.edges.sinks.failed import LogFailed

PROOFS = "proofs"
_HEAD = b"sluice report\n"
_NAME = re.compile(r"[A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,150}")


class Row(msgspec.Struct, frozen=True):
    """A row of a section: its cells, how many events are behind it, and those of them that are proven, the newest first."""

    cells: tuple[str, ...]
    total: int
    events: tuple[str, ...]


class Section(msgspec.Struct, frozen=True):
    """What a framework asks for. `count`: the rows there are, of which `rows` are shown."""

    name: str
    heading: str
    clause: str
    columns: tuple[str, ...]
    count: int
    rows: tuple[Row, ...]


class Log(msgspec.Struct, frozen=True):
    """A log as it was when the report was written, and what its verification said."""

    origin: str
    events: int
    signed: int
    root: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a report says. `proofs`: the files of each event; `pages`: the SHA-256 of each page beside the bundle."""

    title: str
    about: str
    written: str
    sections: tuple[Section, ...]
    logs: tuple[Log, ...]
    proofs: dict[str, tuple[str, ...]]
    pages: dict[str, str]


@dataclass(slots=True)
class Verdict(Findings):
    """What was found in a bundle. `recounted`: figures that were counted again from their events."""

    title: str = ""
    events: int = 0
    rows: int = 0
    recounted: int = 0


def seal(folder: Path, manifest: Manifest, signer: Signer) -> None:
    """Writes the manifest and its signature; OSError when that fails."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    put(folder / "manifest.json", text)
    put(folder / "manifest.note", signer.sign(_said(text)))


def signer_name(origin: str) -> str:
    """The name under which a log's key signs reports, so that no report is ever taken for a checkpoint."""
    return f"{origin}/report"


def verify_bundle(folder: Path, known: Sequence[Verifier] = ()) -> Verdict:
    """Checks a bundle from its files alone, with these verifier keys or else its own. LogFailed when it is none."""
    verdict = Verdict(folder)
    try:
        keys = tuple(known) or _own_keys(folder)
        text = (folder / "manifest.json").read_bytes()
        manifest = msgspec.json.decode(text, type=Manifest)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, NoteError) as error:
        raise LogFailed(f"`{folder}` is not the evidence of a report: {error}") from error
    if not known:
        verdict.notes.append("checked with the keys in the bundle: hold them against those that you got another way")
    verdict.title = manifest.title
    _signed(verdict, text, keys)
    _pages(verdict, manifest)
    checkpoints = _checkpoints(verdict, manifest, keys)
    proven = {one: _proven(verdict, one, manifest.proofs[one], keys, checkpoints) for one in manifest.proofs}
    for section in manifest.sections:
        for number, row in enumerate(section.rows, 1):
            _row(verdict, section, number, row, proven)
    return verdict


def _said(manifest: bytes) -> bytes:
    return _HEAD + hashlib.sha256(manifest).hexdigest().encode() + b"\n"


def _own_keys(folder: Path) -> tuple[Verifier, ...]:
    return tuple(map(Verifier.parse, (folder / "verifier-keys").read_text("utf-8").split()))


def _signed(verdict: Verdict, manifest: bytes, keys: Iterable[Verifier]) -> None:
    names = tuple(Verifier(signer_name(one.name), one.public) for one in keys)
    try:
        if open_note((verdict.folder / "manifest.note").read_bytes(), names).text != _said(manifest):
            verdict.problem("the manifest is not the one that was signed: figures or proofs in it were altered")
    except OSError as error:
        verdict.problem(f"the manifest's signature cannot be read: {error.strerror}")
    except NoteError as error:
        verdict.problem(f"the manifest is not signed by a key of the log: {error}")


def _pages(verdict: Verdict, manifest: Manifest) -> None:
    for name, digest in manifest.pages.items():
        try:
            if not _NAME.fullmatch(name.replace(" ", "_")):
                verdict.problem(f"the manifest names a page that is no file beside it, {name!r}")
            elif hashlib.sha256((verdict.folder.parent / name).read_bytes()).hexdigest() != digest:
                verdict.problem(f"`{name}` is not the page that was written")
        except FileNotFoundError:
            verdict.notes.append(f"`{name}` is not here; only its evidence was checked")
        except OSError as error:
            verdict.problem(f"`{name}` cannot be read: {error.strerror}")


def _checkpoints(verdict: Verdict, manifest: Manifest, keys: tuple[Verifier, ...]) -> set[Checkpoint]:
    found = set()
    for number, log in enumerate(manifest.logs):
        for problem in log.problems:
            verdict.problem(f"the log {log.origin} did not hold when the report was written: {problem}")
        if not log.root:
            continue
        try:
            signed = Checkpoint.parse(open_note((verdict.folder / f"checkpoint-{number}").read_bytes(), keys).text)
        except OSError as error:
            verdict.problem(f"`checkpoint-{number}` cannot be read: {error.strerror}")
        except NoteError as error:
            verdict.problem(f"`checkpoint-{number}` is not signed by a key of the log: {error}")
        else:
            if (signed.origin, signed.size, signed.root.hex()) != (log.origin, log.signed, log.root):
                verdict.problem(f"`checkpoint-{number}` is another than the report was written under: {signed.origin}")
            else:
                found.add(signed)
    return found


def _proven(
    verdict: Verdict, event: str, files: Iterable[str], keys: tuple[Verifier, ...], checkpoints: set[Checkpoint]
) -> list[Event]:
    """The lines of an event that its proofs prove; a problem where one does not."""
    lines: dict[str, Event] = {}
    for name in files:
        try:
            if not _NAME.fullmatch(name):
                raise NoteError("its name is none of a file in the bundle")
            line, _, checkpoint = check_proof((verdict.folder / PROOFS / name).read_bytes(), keys)
            found = decode(line)
        except OSError as error:
            verdict.problem(f"the proof of event {event} is missing: `{name}`: {error.strerror}")
        except (NoteError, ProofError, msgspec.MsgspecError) as error:
            verdict.problem(f"`{name}` proves nothing: {error}")
        else:
            if found.id != event:
                verdict.problem(f"`{name}` proves event {found.id} and not {event}")
            elif checkpoint not in checkpoints:
                verdict.problem(f"`{name}` is under a checkpoint of {checkpoint.origin} that the report does not name")
            else:
                lines[type(found).__name__] = found
    verdict.events += bool(lines)
    return list(lines.values())


def _row(verdict: Verdict, section: Section, number: int, row: Row, proven: dict[str, list[Event]]) -> None:
    verdict.rows += 1
    where = f"row {number} of `{section.heading}`"
    for event in row.events:
        if not proven.get(event):
            verdict.problem(f"{where} goes by event {event}, which nothing here proves")
    if len(set(row.events)) != len(row.events) or row.total < len(row.events) or len(row.cells) != len(section.columns):
        verdict.problem(f"{where} is not a row that a report has")
    elif row.total == len(row.events):
        lines = [line for event in row.events for line in proven.get(event, ())]
        for column, cell in zip(section.columns, row.cells, strict=True):
            counted = _counted(column, lines)
            verdict.recounted += counted is not None
            if counted is not None and counted != cell:
                verdict.problem(f"{where} says {cell} {column}; its events say {counted}")


def _counted(column: str, lines: Iterable[Event]) -> str | None:
    """A figure counted from all events behind it; None where it is not of their kind."""
    asked = [one for one in lines if isinstance(one, StatementAsked)]
    done = [one for one in lines if isinstance(one, StatementDone)]
    if not asked:
        return None
    match column:
        case "statements":
            return str(len(asked))
        case "refused":
            return str(sum(one.outcome != "allow" for one in asked))
        case "people":
            return str(len({one.identity.name for one in asked}))
        case "not fully understood":
            return str(sum(one.confidence != "exact" for one in asked))
        case "rows" | "values masked" if len(done) == len(asked):
            return str(sum(one.rows if column == "rows" else sum(one.masked) for one in done))
        case "source" | "verb" | "purpose" | "environment":
            return ", ".join(sorted({str(getattr(one, column)) for one in asked}))
        case "who":
            return ", ".join(sorted({f"{one.identity.kind}:{one.identity.name}" for one in asked}))
        case _:
            return None
