"""`sluice policy simulate`: what recorded statements would meet under other policies or labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from sluice.edges.answers.simulate import Sides, Simulation, simulate
from sluice.edges.config import Config, load, policy_files, read_labels
from sluice.edges.evidence.verify import logs_in
from sluice.edges.sinks.jsonl import read
from sluice.engines.postgres.dialect import lower
from sluice.engines.postgres.hazards import LABELLED
from sluice.faces.cli.moments import moment_of
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.progress import progress
from sluice.faces.cli.standing import Standing, standing
from sluice.faces.cli.statuses import Failure, Status
from sluice.policy.book import LabelBook
from sluice.policy.bundle import PolicyBundle
from sluice.policy.decide import Snapshot
from sluice.policy.labels import load_labels
from sluice.policy.load import load_policies
from sluice.session.memory import STATEMENTS, Bounded
from sluice.sql.lineage import analyze
from sluice.sql.span import Span


def command(
    policies: Annotated[
        Path | None, typer.Option("--policies", help="The other policies: a file, or a folder of `.cedar` files.")
    ] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="Another `labels.yaml`.")] = None,
    since: Annotated[str, typer.Option("--since", help="From then on: `30d`, `12h`, `2026-01-31`.")] = "30d",
    log: Annotated[Path | None, typer.Option("--log", help="The log's folder, instead of the configured one.")] = None,
    check: Annotated[bool, typer.Option("--check", help="End with status 1 when anything would be otherwise.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Replay the audit log through other policies or labels, and show what they would decide otherwise.

    The sources' catalogs are read; nothing is run, and nothing of the gateway changes. Statements are compared under the policies
    of now and the others, so what has changed since they were recorded is no difference.

    Examples:

      sluice policy simulate --policies new/ --since 30d

      sluice policy simulate --labels labels.next.yaml --check
    """
    if policies is None and labels is None:
        raise Failure(Status.USAGE, "there is nothing to compare with", "give `--policies`, `--labels` or both")
    loaded = load(config)
    sides = _sides(loaded, policies, labels)
    folder = log or loaded.audit.path
    found = simulate(_lines(folder), sides, moment_of(since).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    out = Output(json)
    out.data(found)
    _show(out, found, since)
    if check and found.differences:
        raise typer.Exit(Status.FAILED)


def _sides(config: Config, policies: Path | None, labels: Path | None) -> dict[str, Sides]:
    bundle, book = _rules(config)
    other, other_book = _rules(
        replace(
            config,
            policies=config.policies if policies is None else (policies.resolve(),),
            labels=config.labels if labels is None else labels.resolve(),
        )
    )
    found: dict[str, Sides] = {}
    for name, source in config.sources.items():
        here = standing(config, name, source)
        before = Snapshot(1, bundle, {name: here.bound(book)}, book)
        after = Snapshot(2, other, {name: here.bound(other_book)}, other_book)
        found[name] = Sides(here.info, before, after, _Analyses(here))
    return found


class _Analyses:
    """The spans of normalized texts, each worked out once."""

    def __init__(self, here: Standing) -> None:
        self._here = here
        self._known: Bounded[str, Span | None] = Bounded(STATEMENTS)

    def __call__(self, text: str) -> Span | None:
        if text in self._known:
            return self._known[text]
        statements = lower(text)
        one = len(statements) == 1
        span = analyze(statements[0], self._here.catalog, self._here.context) if one else None
        return self._known.keep(text, span)


def _lines(folder: Path) -> Iterator[bytes]:
    """The lines of every log in the folder, each log's oldest first."""
    logs = logs_in(folder)
    total = sum(path.stat().st_size for one in logs for path in one.glob("audit-*.jsonl"))
    with progress("replaying", total, in_bytes=True) as done:
        for one in logs:
            for line in read(one):
                done(len(line) + 1)
                yield line


def _rules(config: Config) -> tuple[PolicyBundle, LabelBook]:
    return load_policies(policy_files(config)), load_labels(read_labels(config), str(config.labels), LABELLED)


def _show(out: Output, found: Simulation, since: str) -> None:
    told = f"{found.statements:,} statements since {since} replayed"
    if not found.differences:
        out.verdict("ok", f"{told}: nothing would be decided otherwise")
    else:
        touched = sum(one.statements for one in found.differences)
        out.verdict("warn", f"{told}: {len(found.differences)} differences in {touched:,} of them")
        out.table(
            ("change", "statements", "who", "purpose", "source", "what", "policies now", "then", "newest event", "statement"),
            ([one.change, one.statements, one.caller, one.purpose, one.source, one.detail, ", ".join(one.before),
              ", ".join(one.after), one.event, one.statement[:80]] for one in found.differences),
        )  # fmt: skip
    for many, why in (
        (found.unreadable, "could not be analysed again (refused unread, or withheld from the log)"),
        (found.elsewhere, "were asked of sources that the configuration no longer names"),
        (found.drifted, "would today be decided otherwise than was recorded, whatever the policies compared"),
    ):
        if many:
            out.say(f"{many:,} statements {why}", "note")
