"""`sluice labels`: what was proposed, and a person's word on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from sluice.edges.config import load, read_labels
from sluice.edges.scanning import Proposals
from sluice.edges.scanning.proposals import Verdict
from sluice.engines.postgres.hazards import LABELLED
from sluice.faces.cli.failures import reported
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.scan import show
from sluice.faces.cli.standing import standing
from sluice.faces.cli.statuses import Failure, Status
from sluice.policy.binding import UNKNOWN
from sluice.policy.labels import load_labels

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The source, as the configuration names it.")]
Column = Annotated[str, typer.Argument(metavar="COLUMN", help="The column, as `schema.table.column`.")]
Label = Annotated[str, typer.Option("--label", help="Another label than the one proposed.")]
Waiting = Annotated[bool, typer.Option("--waiting", help="Only those that wait for a person.")]


def list_labels(config: ConfigPath = DEFAULT_CONFIG, waiting: Waiting = False, json: AsJson = False) -> None:
    """List the labels that `sluice scan` proposed, why, and whether they hold."""
    entries = [
        entry
        for entry in Proposals(load(config).audit.path)
        if not waiting or (not entry.verdict and not entry.in_effect)
    ]
    out = Output(json)
    out.data([{**asdict(entry), "in_effect": entry.in_effect} for entry in entries])
    show(out, entries)
    if not entries:
        out.say("nothing is proposed; `sluice scan SOURCE` looks for sensitive columns")


def list_unknown(source: Source, config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """List the columns of a source that nobody has labelled or looked into. Its catalog is read.

    The starter policies do not show them to agents. A gateway looks into new columns by itself unless it is told not to; what is left
    held no value, could not be read, or waits for your word.
    """
    loaded = load(config)
    if source not in loaded.sources:
        raise Failure(Status.USAGE, f"there is no source `{source}`", f"there are: {', '.join(sorted(loaded.sources))}")
    book = load_labels(read_labels(loaded), str(loaded.labels), LABELLED)
    found = standing(loaded, source, loaded.sources[source])
    waiting = {entry.column for entry in Proposals(loaded.audit.path) if entry.source == source and not entry.verdict}
    columns = [str(column) for column in found.bound(book).columns_with(UNKNOWN)]
    out = Output(json)
    out.data([{"column": column, "waiting": column in waiting} for column in columns])
    out.table(
        ("column", "because"),
        [(column, "waits for your word" if column in waiting else "not looked into") for column in columns],
    )
    out.verdict("warn" if columns else "ok", f"{len(columns)} columns of `{source}` are unknown")


def confirm(
    source: Source, column: Column, label: Label = "", config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False
) -> None:
    """Say that a proposed label is right. It holds from then on, whatever a later scan finds."""
    _judge(source, column, "confirmed", label, config, json)


def reject(source: Source, column: Column, config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Say that a proposed label is wrong. It does not hold, and no later scan brings it back."""
    _judge(source, column, "rejected", "", config, json)


def _judge(source: str, column: str, verdict: Verdict, label: str, config: ConfigPath, json: bool) -> None:
    proposals = Proposals(load(config).audit.path)
    entry = proposals.judge(source, column, verdict, label)
    if entry is None:
        raise Failure(Status.USAGE, f"nothing is proposed for `{column}` of `{source}`", "see `sluice labels list`")
    proposals.save()
    out = Output(json)
    out.data({**asdict(entry), "in_effect": entry.in_effect})
    out.verdict("ok", f"`{entry.column}` of `{entry.source}`: `{entry.label}` {verdict}")


app = typer.Typer(help="See the labels that were proposed, and confirm or reject them.", no_args_is_help=True)
app.command("list")(reported(list_labels))
app.command("unknown")(reported(list_unknown))
app.command("confirm")(reported(confirm))
app.command("reject")(reported(reject))
