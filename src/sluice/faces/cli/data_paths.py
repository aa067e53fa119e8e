"""`sluice paths` and `sluice audit ship`: where data went, and events to where they are collected."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from sluice.edges.answers.drawing import as_mermaid, as_svg, as_text
from sluice.edges.answers.language import QueryError, moment
from sluice.edges.answers.paths import paths
from sluice.edges.answers.receivers import Receiver, ShipFailed, receiver
from sluice.edges.answers.ship import Form, Former, former_of, ship
from sluice.edges.config import load
from sluice.edges.evidence.verify import logs_in
from sluice.faces.cli.answers import Log, Since, opened
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status


def paths_command(
    what: Annotated[str, typer.Argument(help="A label, a column, a table, or a person (`alice`, `user:alice`).")],
    form: Annotated[
        Literal["text", "mermaid", "svg"], typer.Option("--format", help="As text, Mermaid or an SVG picture.")
    ] = "text",
    depth: Annotated[int, typer.Option("--depth", min=1, max=50, help="At most so many steps.")] = 8,
    since: Since = "",
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Show where data went: from column to column by what was written, and to the people who read it, masked or in clear.

    Examples:

      sluice paths pii.email --since 90d

      sluice paths customers.email --format svg > paths.svg
    """
    try:
        begin = moment(since, datetime.now(UTC)) if since else None
    except QueryError as error:
        raise Failure(Status.USAGE, str(error)) from error
    found = paths(opened(log, config), what, begin, depth)
    out = Output(json)
    out.data({"begin": found.begin, "edges": [{"step": step, **_plain(edge)} for step, edge in found.edges]})
    if json:
        return
    if not found.edges:
        out.say(f"{what} went nowhere, as far as the log tells")
    elif form == "text":
        for line in as_text(found):
            out.say(line)
    else:
        typer.echo(as_mermaid(found) if form == "mermaid" else as_svg(found), nl=False)


def ship_command(
    target: Annotated[
        str,
        typer.Argument(
            help="A file, `syslog://host:port`, an `https://` address, `kafka://host:port/topic` or `s3://bucket/prefix`."
        ),
    ],
    form: Annotated[
        Form,
        typer.Option(
            "--format", help="Events as they are, OCSF records, written flows as OpenLineage, or spans (OTLP)."
        ),
    ] = "jsonl",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as events come, until interrupted.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, max=3600, help="Seconds between looks.")] = 2.0,
    client_settings: Annotated[
        Path | None,
        typer.Option(
            "--client-settings", help="For Kafka: a file of librdkafka's settings (TLS, SASL), `name=value` a line."
        ),
    ] = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Send the log's events to where they are collected, each at least once; the next run goes on where this one ended.

    Kafka gets a message an event, keyed by its connection. An S3-compatible store gets objects of lines (gzip); where it is and
    who asks come from AWS_REGION, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a machine's role.

    Examples:

      sluice audit ship syslog://siem.example.com:601 --format ocsf --follow

      sluice audit ship http://collector.example.com:4318/v1/traces --format otlp --follow

      sluice audit ship kafka://kafka.example.com:9093/audit --client-settings kafka.properties --follow

      sluice audit ship s3://audit-archive/sluice --follow --every 60
    """
    try:
        to = receiver(target, client_settings)
    except ShipFailed as error:
        raise Failure(Status.USAGE, str(error)) from error
    logs = {folder: former_of(form) for folder in logs_in(log or load(config).audit.path)}
    out = Output(json)
    sent = _sent(logs, target, form, to, patient=False)
    if not follow:
        out.data({"events": sent})
        out.say(f"{sent} events were sent to {target}")
    while follow:
        time.sleep(every)
        _sent(logs, target, form, to, patient=True)


def _sent(logs: dict[Path, Former], target: str, form: Form, to: Receiver, *, patient: bool) -> int:
    try:
        return sum(ship(folder, target, form, former, to) for folder, former in logs.items())
    except ShipFailed as error:
        if not patient:
            raise Failure(Status.UNREACHABLE, str(error)) from error
        typer.echo(f"{error}; it is tried again", err=True)
        return 0


def _plain(edge: object) -> dict[str, object]:
    return {name: getattr(edge, name) for name in type(edge).__slots__}  # type: ignore[attr-defined]
