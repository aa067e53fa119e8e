"""`sluice audit keygen`, `key`, `verify`, `prove` and `check-proof`: what was signed, and proofs of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sluice.audit.events import decode
from sluice.audit.note import Checkpoint, NoteError, Signer, Verifier, open_note
from sluice.audit.tree import ProofError
from sluice.edges.answers.bundle import verify_bundle
from sluice.edges.config import load
from sluice.edges.evidence.heads import publish
from sluice.edges.evidence.keys import create_key, load_key
from sluice.edges.evidence.opening import begun_as
from sluice.edges.evidence.prove import check_proof, find, prove
from sluice.edges.evidence.redact import redact
from sluice.edges.evidence.tiles import lay_out
from sluice.edges.evidence.verify import Report, logs_in, verify
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.signing import SigningKey, signer_of
from sluice.faces.cli.statuses import Failure, Status

Log = Annotated[Path | None, typer.Option("--log", help="The log's folder, instead of the configured one.")]
Key = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        help="A verifier key, as `sluice audit key` prints it, or a file with some; instead of the configured key's.",
    ),
]
_PROGRESS_SECONDS = 1.0


def keygen(
    path: Annotated[Path | None, typer.Argument(help="The file to make, instead of the configured one.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Make the key that signs the log's checkpoints.

    `sluice serve` makes one by itself when there is none. Keep what `sluice audit key` prints where the gateway cannot
    change it: with it, anybody can check the log.
    """
    target = path or load(config).audit.signing_key
    create_key(target)
    out = Output(json)
    out.data({"key": target})
    out.say(f"made {target}; only you can read it")


def key(log: Log = None, config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Print the verifier key of each log: with it, checkpoints and proofs are checked anywhere.

    Examples:

      sluice audit key > sluice-log.vkey
    """
    settings = load(config)
    found = [verifier_of(folder, settings.audit.signing_key) for folder in logs_in(log or settings.audit.path)]
    out = Output(json)
    out.data([{"origin": one.name, "key": str(one)} for one in found])
    for one in found:
        out.say(str(one))


def verify_command(
    bundle: Annotated[
        Path | None,
        typer.Argument(metavar="[BUNDLE]", help="The evidence of a report, or its page; without it, the log."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="A checkpoint that was kept elsewhere: the log must continue it.")
    ] = None,
    key: Key = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Prove from the files alone that nothing in the log was altered, removed, put in, reordered or cut off.

    Or that a report is what was signed, and its events are in the log: from its bundle alone, with `--key` where the keys in it
    are not to be taken on trust.

    Without `--against` the log is held to its own newest checkpoint, so whoever has the signing key could have made
    another log: keep a checkpoint, or have witnesses.

    Examples:

      sluice audit verify

      sluice audit verify report.evidence --key sluice-log.vkey

      sluice audit verify --against kept/checkpoint --key sluice-log.vkey --log audit
    """
    if bundle is not None:
        if against or log:
            raise Failure(Status.USAGE, "a bundle is checked by itself, without `--against` and `--log`")
        _show_bundle(bundle, _known(key, config, []) if key else {}, json)
        return
    folders = logs_in(log or load(config).audit.path)
    known = _known(key, config, folders)
    older = _older(against, tuple(known.values())) if against else None
    reports = []
    for folder in folders:
        origin = begun_as(folder) or ""
        verifier = known.get(origin)
        if verifier is None:
            reports.append(Report(folder, origin=origin, problems=[f"no verifier key of the log `{origin}` was given"]))
        else:
            same = older if older is not None and older.origin == origin else None
            reports.append(verify(folder, verifier, same, _progress(json)))
    if older is not None and not any(report.origin == older.origin for report in reports):
        reports[0].problem(f"no log here is `{older.origin}`, of which the checkpoint to compare with is")
    _show(reports, json)


def prove_command(
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="The id of an event, as `tail` shows it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write the proofs to.")] = Path(),
    key: Key = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Write a proof for each line of an event: what it says and that the log holds it, to be checked without the log.

    The file is a C2SP tlog-proof. It holds the line itself: give it only to those who may read it.
    """
    folders = logs_in(log or load(config).audit.path)
    known = _known(key, config, folders)
    written = []
    for folder in folders:
        for found in find(folder, event_id):
            verifier = known.get(begun_as(folder) or "")
            if verifier is None:
                raise Failure(Status.USAGE, f"no verifier key of the log `{begun_as(folder)}` was given")
            kind = decode(found.line).__struct_config__.tag
            path = output / f"{event_id}-{kind}.tlog-proof"
            path.write_bytes(prove(folder, verifier, found).text())
            written.append(path)
    if not written:
        raise Failure(Status.FAILED, f"the log has no event `{event_id}`")
    out = Output(json)
    out.data(written)
    for path in written:
        out.say(str(path))


def tiles_command(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the tiles are, or are to be.")],
    key: Key = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Lay the log's tree out as C2SP tlog-tiles, for public tools to read; run again, it adds what is new.

    Tiles hold hashes alone, nothing of the events, and may be served by any web server. Of several logs, each gets a
    folder of its own name in FOLDER. The gateway does this by itself for a witness of the kind `tiles`.

    Examples:

      sluice audit tiles /srv/www/sluice-log
    """
    folders = [one for one in logs_in(log or load(config).audit.path) if one.name != "heads"]
    known, out, told = _known(key, config, folders), Output(json), []
    for folder in folders:
        origin = begun_as(folder) or ""
        if origin not in known:
            raise Failure(Status.USAGE, f"no verifier key of the log `{origin}` was given")
        into = target / folder.name if len(folders) > 1 else target
        try:
            laid = lay_out(folder, known[origin], into)
        except OSError as error:
            raise Failure(Status.UNREACHABLE, f"`{into}` cannot be written: {error.strerror}") from error
        told.append({"origin": origin, "folder": into, "size": laid.size, "files": laid.files})
        out.say(f"{origin}: {laid.size} events in {into}, {laid.files} files written")
    out.data(told)


def check_proof_command(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A proof that `sluice audit prove` wrote.")],
    key: Key = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Check a proof, and show the event it proves. Needs the log's verifier key and nothing else."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"`{path}` cannot be read: {error.strerror}") from error
    known = _known(key, config, logs_in(load(config).audit.path) if not key else [])
    try:
        line, proof, checkpoint = check_proof(text, tuple(known.values()))
    except (NoteError, ProofError) as error:
        raise Failure(Status.FAILED, f"`{path}` proves nothing: {error}") from error
    out = Output(json)
    out.data({"origin": checkpoint.origin, "index": proof.index, "size": checkpoint.size, "event": decode(line)})
    out.verdict("ok", f"event {proof.index} of {checkpoint.size} in the log {checkpoint.origin}")
    out.say(line.decode())


def redact_command(
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="The id of an event, as `tail` shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept beside the log.")],
    signing_key: SigningKey = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Strike the text of an event out of the log for good; every checkpoint and proof still holds.

    Its segment has to be closed: the gateway writes to the newest one. Proofs and exports of the event that were made
    before still have the text.
    """
    made = [
        one
        for folder in logs_in(log or load(config).audit.path)
        for one in redact(folder, event_id, reason, signer_of(folder, signing_key, config))
    ]
    if not made:
        raise Failure(Status.FAILED, f"the log has no event `{event_id}` with a text")
    out = Output(json)
    out.data(made)
    out.say(f"the text of {event_id} is struck out")


def heads_command(
    log: Log = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder of the tree over all logs, instead of `heads`.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Publish one signed head over all logs: a tree whose leaves are their checkpoints, laid out like theirs.

    Run it as often as you want to be able to show what the logs were then.
    """
    settings = load(config).audit
    folder = log or settings.path
    logs = [one for one in logs_in(folder) if one.name != "heads"]
    origin = f"{settings.origin or begun_as(logs[0]) or 'sluice'}/heads"
    head = publish(output or folder / "heads", load_key(settings.signing_key), origin, logs)
    out = Output(json)
    out.data({"origin": head.origin, "size": head.size, "root": head.root.hex(), "logs": logs})
    out.say(f"{head.origin}: {head.size} checkpoints of {len(logs)} logs")


def verifier_of(folder: Path, signing_key: Path) -> Verifier:
    """The verifier key of a log, by the key it is signed with. LogFailed when that cannot be read."""
    origin = begun_as(folder)
    if origin is None:
        raise Failure(Status.FAILED, f"the log in `{folder}` has no checkpoint yet")
    return Signer(origin, load_key(signing_key)).verifier


def _known(keys: list[str] | None, config: Path, folders: list[Path]) -> dict[str, Verifier]:
    if not keys:
        signing_key = load(config).audit.signing_key
        return {one.name: one for one in (verifier_of(folder, signing_key) for folder in folders)}
    texts = []
    for given in keys:
        try:
            texts += [given] if "+" in given else Path(given).read_text().split("\n")
        except OSError as error:
            raise Failure(Status.UNREACHABLE, f"`{given}` cannot be read: {error.strerror}") from error
    try:
        return {one.name: one for one in map(Verifier.parse, filter(str.strip, texts))}
    except NoteError as error:
        raise Failure(Status.USAGE, str(error)) from error


def _show_bundle(bundle: Path, known: dict[str, Verifier], json: bool) -> None:
    found = verify_bundle(bundle if bundle.is_dir() else bundle.with_suffix(".evidence"), tuple(known.values()))
    out = Output(json)
    out.data(
        {
            "bundle": found.folder, "title": found.title, "holds": found.holds, "events": found.events, "rows": found.rows,
            "recounted": found.recounted, "problems": found.problems, "notes": found.notes,
        }
    )  # fmt: skip
    if found.holds:
        out.verdict(
            "ok",
            f"{found.title}: {found.rows} rows by {found.events} proven events, {found.recounted} figures counted again",
        )
    for problem in found.problems:
        out.verdict("fail", problem)
    for note in found.notes:
        out.verdict("note", note)
    if not found.holds:
        raise typer.Exit(int(Status.FAILED))


def _older(path: Path, known: tuple[Verifier, ...]) -> Checkpoint:
    try:
        return Checkpoint.parse(open_note(path.read_bytes(), known).text)
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"`{path}` cannot be read: {error.strerror}") from error
    except NoteError as error:
        raise Failure(Status.FAILED, f"`{path}` is no checkpoint to compare with: {error}") from error


def _progress(json: bool) -> Callable[[int], None]:
    next_at = time.monotonic() + _PROGRESS_SECONDS

    def said(events: int) -> None:
        nonlocal next_at
        if not json and time.monotonic() >= next_at:
            next_at += _PROGRESS_SECONDS
            typer.echo(f"… {events:,} events", err=True)

    return said


def _show(reports: list[Report], json: bool) -> None:
    out = Output(json)
    out.data(
        [
            {
                "folder": one.folder, "origin": one.origin, "holds": one.holds, "events": one.events,
                "signed": one.signed, "root": one.root, "problems": one.problems, "notes": one.notes,
            }
            for one in reports
        ]
    )  # fmt: skip
    for one in reports:
        if one.holds:
            out.verdict("ok", f"{one.origin}: {one.signed} signed events are what was signed")
        for problem in one.problems:
            out.verdict("fail", f"{one.origin or one.folder}: {problem}")
        for note in one.notes:
            out.verdict("note", f"{one.origin}: {note}")
    if not all(one.holds for one in reports):
        raise typer.Exit(int(Status.FAILED))
