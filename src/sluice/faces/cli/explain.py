"""`sluice policy explain`: what a statement does, what would be decided, and why, without running anything."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from sluice.edges.config import Config, Source, load, policy_files, read_labels
from sluice.engines.postgres.dialect import lower
from sluice.engines.postgres.hazards import LABELLED
from sluice.faces.cli.callers import Claims, caller
from sluice.faces.cli.callers import purpose as settled
from sluice.faces.cli.explain_report import Report
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.standing import standing
from sluice.faces.cli.statuses import Failure, Status
from sluice.model.identity import Client, Identity, Kind
from sluice.policy.decide import Request, Snapshot, explain, may_connect
from sluice.policy.labels import load_labels
from sluice.policy.load import load_policies
from sluice.session.literals import labels_in
from sluice.sql.lineage import analyze


def command(
    statement: Annotated[str, typer.Argument(help="One SQL statement; it is not run.")],
    who: Annotated[
        str, typer.Option("--as", help="Who would ask: a user of the configuration, or whom a token would name.")
    ],
    source: Annotated[str, typer.Option(help="The source it would be asked of; needed where there are several.")] = "",
    purpose: Annotated[str, typer.Option(help="What for; without it, the user's default purpose.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="A group that a token would name; may be repeated.")] = None,
    kind: Annotated[Kind, typer.Option(help="What a caller is whom only a token would name.")] = "user",
    on_behalf_of: Annotated[str, typer.Option(help="The user that an agent acts for.")] = "",
    their_group: Annotated[
        list[str] | None, typer.Option(help="A group of that user, which a token would name; may be repeated.")
    ] = None,
    approved: Annotated[bool, typer.Option("--approved", help="Decide as if it had been approved.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Explain what a statement does and what would be decided. The source's catalog is read; nothing is run.

    Ends with status 1 when the statement would be refused or held.

    Examples:

      sluice policy explain --as alice --purpose ticket --source shop "select name, email from customers"

      sluice policy explain --as trainer --on-behalf-of dana --purpose fine-tuning "select * from tickets"
    """
    loaded = load(config)
    name, given = _source(loaded, source)
    claims = Claims(kind, frozenset(group or ()), on_behalf_of, frozenset(their_group or ()))
    identity = caller(loaded, who, claims)
    report = _report(loaded, name, given, identity, settled(identity, purpose), approved, statement)
    out = Output(json)
    out.data(report.data())
    report.show(out)
    if report.explanation.decision.outcome != "allow":
        raise typer.Exit(Status.FAILED)


def _source(config: Config, name: str) -> tuple[str, Source]:
    if not name and len(config.sources) == 1:
        (name,) = config.sources
    found = config.sources.get(name)
    if found is None:
        problem = f"there is no source `{name}`" if name else "there are several sources"
        known = ", ".join(f"`{each}`" for each in config.sources)
        raise Failure(Status.USAGE, problem, f"`--source` takes one of {known}")
    return name, found


def _report(
    config: Config, name: str, source: Source, identity: Identity, purpose: str, approved: bool, text: str
) -> Report:
    bundle = load_policies(policy_files(config))
    book = load_labels(read_labels(config), str(config.labels), LABELLED)
    statements = lower(text)
    if len(statements) != 1:
        raise Failure(Status.USAGE, f"the text holds {len(statements)} statements", "one at a time can be explained")
    found = standing(config, name, source)
    binding = found.bound(book)
    snapshot = Snapshot(1, bundle, {name: binding}, book)
    info, client, now = found.info, Client("127.0.0.1"), time.time()
    connecting = may_connect(identity, purpose, info, client, snapshot, now)
    if connecting.outcome != "allow":
        told = connecting.refusal
        raise Failure(Status.FAILED, f"`{identity.display}` may not connect to `{name}`", told.detail if told else "")
    span = analyze(statements[0], found.catalog, found.context)
    literals = labels_in(text.encode())
    request = Request(identity, purpose, info, client, span, approved=approved, now=now, literals=literals)
    return Report(text, span, explain(request, snapshot), binding, bundle, literals)
