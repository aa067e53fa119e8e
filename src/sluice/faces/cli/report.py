"""`sluice report`: evidence as an auditor's framework asks for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from sluice.edges.answers.language import QueryError, moment
from sluice.edges.answers.report import Span, write_report
from sluice.edges.config import load
from sluice.edges.evidence.keys import load_key
from sluice.edges.evidence.verify import logs_in
from sluice.faces.cli.answers import Log, opened
from sluice.faces.cli.evidence import verifier_of
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status


def report_command(
    framework: Annotated[Literal["soc2", "pci", "hipaa", "gdpr"], typer.Argument(help="Whose questions are answered.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page to write: HTML, or PDF where its name ends so.")
    ] = Path("report.html"),
    begin: Annotated[str, typer.Option("--from", help="From then on: `90d`, `2026-01-01`.")] = "90d",
    end: Annotated[str, typer.Option("--to", help="Up to then; without it, up to now.")] = "",
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Write a report of who had access to what: access, privileged activity, approvals, denials, regulated data in clear.

    Beside the page, a folder holds proofs of the events behind its figures; `sluice audit verify FOLDER` checks it all without
    the log. Ends with status 1 when the log does not hold; the report says so too.

    Examples:

      sluice report soc2 --from 2026-01-01 --to 2026-04-01 -o q1.html

      sluice report gdpr -o gdpr.pdf
    """
    now = datetime.now(UTC)
    try:
        span = Span(moment(begin, now), moment(end, now) if end else now)
    except QueryError as error:
        raise Failure(Status.USAGE, str(error)) from error
    settings = load(config).audit
    logs = [(folder, verifier_of(folder, settings.signing_key)) for folder in logs_in(log or settings.path)]
    try:
        checked = write_report(framework, span, opened(log, config), logs, load_key(settings.signing_key), output)
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"`{output}` cannot be written: {error.strerror}") from error
    holds = all(one.holds for one in checked)
    out = Output(json)
    out.data({"report": output, "evidence": output.with_suffix(".evidence"), "holds": holds})
    out.verdict("ok" if holds else "fail", f"{output}, with proofs in {output.with_suffix('.evidence')}")
    if not holds:
        raise typer.Exit(int(Status.FAILED))
