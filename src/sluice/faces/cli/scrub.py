"""`sluice scan-file` and `sluice scrub`: what is sensitive in files, and copies without it."""

from __future__ import annotations

import secrets
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from sluice.edges.files import Result, process
from sluice.edges.files.trees import files_in
from sluice.edges.secrets.file import FileSecret
from sluice.faces.cli.options import AsJson
from sluice.faces.cli.output import Output
from sluice.faces.cli.progress import progress
from sluice.faces.cli.statuses import Failure, Status

Source = Annotated[Path, typer.Argument(metavar="IN", help="A file, or a folder of files.")]
Target = Annotated[
    Path, typer.Argument(metavar="OUT", help="Where the scrubbed copy goes: a file for a file, a folder for a folder.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", help="A file with the key behind the marks. The same key gives the same marks in every run."),
]
Force = Annotated[bool, typer.Option("--force", help="Write over a copy that is there.")]


def scan_file(source: Source, json: AsJson = False) -> None:
    """Say what sensitive data files hold: how much, of what kind, where. Never the values.

    Reads JSON lines, JSON, CSV, Parquet and text, and every string in them at any depth: chat and prompt logs too.

    Ends with 0 when nothing was found, with 1 when something was.
    """
    results = _run(source, None, None, "scanning")
    out = Output(json)
    _report(out, results)
    if any(result.tally.total for result in results):
        raise typer.Exit(Status.FAILED)


def scrub(source: Source, target: Target, key: KeyFile = None, force: Force = False, json: AsJson = False) -> None:
    """Write a copy of files in which sensitive values are replaced by their kind and a mark.

    The mark is the same for the same value throughout, as `[email:1f0c29ab]`. It comes out of a key: that in the file given
    with `--key`, or one made for this run and forgotten. Broken off and begun again with the same key, it goes on where it stopped.

    Ends with 1 when a file had to be left out.
    """
    if target.exists() and source.is_file() and not force:
        raise Failure(Status.USAGE, f"`{target}` is there already", "choose another name, or add `--force`")
    if target.resolve() == source.resolve() or source.resolve() in target.resolve().parents:
        raise Failure(Status.USAGE, "the copy cannot be within what is copied", "choose another place")
    secret = FileSecret(key).read() if key is not None else secrets.token_bytes(32)
    if len(secret) < 16:
        raise Failure(
            Status.USAGE,
            f"the key in `{key}` is shorter than 16 bytes",
            "make one: `head -c 32 /dev/urandom > scrub.key`",
        )
    results = _run(source, target, secret, "scrubbing")
    out = Output(json)
    _report(out, results)
    if any(result.problem for result in results):
        raise typer.Exit(Status.FAILED)


def _run(source: Path, target: Path | None, key: bytes | None, what: str) -> list[Result]:
    if not source.exists():
        raise Failure(Status.USAGE, f"`{source}` does not exist")
    total = sum(path.stat().st_size for path in files_in(source))
    with progress(what, total, in_bytes=True) as advance:
        return list(process(source, target, key, advance))


def _report(out: Output, results: list[Result]) -> None:
    found = sum(result.tally.total for result in results)
    labels: Counter[str] = Counter()
    listed = []
    rows = []
    for result in results:
        places = sorted(result.tally.counts.items())
        for (path, kind, label), count in places:
            labels[label] += count
            rows.append((result.path, path, kind, label, count))
        at = [{"path": path, "kind": kind, "label": label, "count": count} for (path, kind, label), count in places]
        listed.append(
            {"file": result.path, "form": result.form, "bytes": result.size, "problem": result.problem, "found": at}
        )
    out.data({"found": found, "labels": dict(labels), "files": listed})
    out.table(("file", "where", "kind", "label", "found"), rows)
    for result in results:
        if result.problem:
            out.verdict("warn", f"{result.path} was left out: it {result.problem}")
    read = sum(not result.problem for result in results)
    if found:
        out.verdict("warn", f"{found} sensitive values in {read} files")
    else:
        out.verdict("ok", f"nothing sensitive found in {read} files")
