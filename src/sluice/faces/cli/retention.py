"""`sluice audit prune`, `hold`, `holds` and `release`: how long the log is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sluice.edges.config import load
from sluice.edges.evidence.retention import holds, lift, place, prune
from sluice.edges.evidence.verify import logs_in
from sluice.faces.cli.moments import moment_of
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.signing import SigningKey, signer_of
from sluice.faces.cli.statuses import Failure, Status

Log = Annotated[Path | None, typer.Option("--log", help="The log's folder, instead of the configured one.")]


def prune_command(
    keep: Annotated[str, typer.Option("--keep", help="What is younger stays: `400d`, `2026-01-01`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    signing_key: SigningKey = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Remove closed segments that are past their time, from the oldest on; what is under a legal hold stays.

    The tree stays too: the rest of the log still verifies, and so do proofs that were made before. The columns for
    questions keep statements without their values; remove the folder `columns` to make them again of what is left.

    Examples:

      sluice audit prune --keep 400d --dry-run
    """
    before = moment_of(keep)
    out, told = Output(json), []
    for folder in _folders(log, config):
        removed, kept = prune(folder, before, signer_of(folder, signing_key, config), dry=dry_run)
        told.append({"log": folder, "removed": removed, "kept_by": kept})
        for one in removed:
            out.say(
                f"segment {one.segment}: {one.lines} events up to {one.last:%Y-%m-%d} {'would go' if dry_run else 'removed'}"
            )
        for hold in kept:
            out.say(f"what follows is kept by the hold `{hold.name}`: {hold.reason}", "warn")
        if not removed:
            out.say(f"{folder}: nothing to remove")
    out.data(told)


def hold_command(
    name: Annotated[str, typer.Argument(help="A name to lift it by.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept beside the log.")],
    begin: Annotated[str, typer.Option("--from", help="Events from then on.")],
    end: Annotated[str, typer.Option("--to", help="Events up to then.")],
    signing_key: SigningKey = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Place a legal hold: events between two times stay in the log until it is lifted.

    Examples:

      sluice audit hold case-7 --reason "litigation" --from 2026-01-01 --to 2026-04-01
    """
    made = [
        place(folder, name, reason, moment_of(begin), moment_of(end), signer_of(folder, signing_key, config))
        for folder in _folders(log, config)
    ]
    out = Output(json)
    out.data(made)
    out.say(f"`{name}` keeps what was recorded from {made[0].begin:%Y-%m-%d} to {made[0].end:%Y-%m-%d}")


def holds_command(
    signing_key: SigningKey = None, log: Log = None, config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False
) -> None:
    """List the legal holds: what must not be struck out, since when, and why."""
    found = [
        hold
        for folder in _folders(log, config)
        for hold in holds(folder, signer_of(folder, signing_key, config).verifier)
    ]
    out = Output(json)
    out.data(found)
    out.table(
        ("name", "from", "to", "placed", "reason"),
        (
            (one.name, f"{one.begin:%Y-%m-%d}", f"{one.end:%Y-%m-%d}", f"{one.placed:%Y-%m-%d}", one.reason)
            for one in found
        ),
    )


def release_command(
    name: Annotated[str, typer.Argument(help="The hold's name.")],
    signing_key: SigningKey = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Lift a legal hold: what it kept may be struck out again when its time comes."""
    lifted = [lift(folder, name, signer_of(folder, signing_key, config)) for folder in _folders(log, config)]
    if not any(lifted):
        raise Failure(Status.FAILED, f"there is no hold `{name}`")
    out = Output(json)
    out.data({"lifted": name})
    out.say(f"`{name}` is lifted")


def _folders(log: Path | None, config: Path) -> list[Path]:
    return logs_in(log or load(config).audit.path)
