"""`sluice audit search`, `replay` and `index`: questions asked of the log's columns."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from sluice.edges.answers.ask import Answers
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.language import QueryError, condition
from sluice.edges.config import load
from sluice.edges.evidence.verify import logs_in
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status

Log = Annotated[Path | None, typer.Option("--log", help="The log's folder, instead of the configured one.")]
Since = Annotated[str, typer.Option("--since", help="From then on: `90d`, `12h`, `2026-01-31`, `2026-01-31T09:30`.")]
Until = Annotated[str, typer.Option("--until", help="Up to then.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many rows.")]


def search(
    words: Annotated[
        list[str] | None, typer.Argument(help="What all have to hold, like `who:alice rows>1000`.")
    ] = None,
    sql: Annotated[str, typer.Option("--sql", help="A query of your own over `statements` and `others`.")] = "",
    columns: Annotated[str, typer.Option("--columns", help="Which columns to show, with commas.")] = (
        "time,id,who,source,outcome,rows,text"
    ),
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    limit: Limit = 100,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Search the statements of the log, the newest first.

    Fields: who, on-behalf-of, group, source, environment, purpose, verb, outcome, ended, error, table, label, clear, hidden,
    policy, rows, bytes, masked, ms, address, application, connection, id, since, until. `a,b` is one of several, `*` any
    characters, a leading `-` turns a word round; a word without a field is looked for in the text.

    Examples:

      sluice audit search who:alice "since:7d" "rows>1000" label:pii

      sluice audit search --sql "select who, count(*) from statements where outcome = 'refuse' group by who"
    """
    answers = opened(log, config)
    if sql:
        names, rows = answers.rows(sql)
    else:
        try:
            where, values = condition(" ".join(_kept(word) for word in words or ()), datetime.now(UTC))
        except QueryError as error:
            raise Failure(Status.USAGE, str(error)) from error
        names, rows = answers.rows(
            f"select {_columns(columns)} from statements where {where} order by time desc limit {limit}",  # noqa: S608
            values,
        )
    if as_csv:
        typer.echo(_csv(names, rows), nl=False)
        return
    out = Output(json)
    out.data([dict(zip(names, row, strict=True)) for row in rows])
    out.table(names, ([_cell(value) for value in row] for row in rows))


def replay(
    connection: Annotated[str, typer.Argument(help="A connection, as `connection` in an event.")],
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Show a session statement by statement, as it went."""
    names, rows = opened(log, config).rows(
        "select time, id, outcome, ended, rows, error, policies, text from statements where connection = ? order by n",
        (connection,),
    )
    if not rows:
        raise Failure(Status.FAILED, f"the log has no statement of the connection `{connection}`")
    out = Output(json)
    found = [dict(zip(names, row, strict=True)) for row in rows]
    out.data(found)
    for one in found:
        what = one["ended"] or "still running" if one["outcome"] == "allow" else one["outcome"]
        rows_said = f" {one['rows']} rows" if one["rows"] else ""
        error = f" {one['error']}" if one["error"] else ""
        out.say(
            f"{when(one['time'])} {one['id']} {what}{error}{rows_said} by {', '.join(one['policies'])} | {one['text']}"
        )


def index(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as events come, until interrupted.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, max=3600, help="Seconds between looks.")] = 5.0,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Bring the log's columns (Parquet, in its folder `columns`) up to date.

    Every question does so first; with --follow beside the gateway, questions find it done.
    """
    folders, key_file = _logs(log, config)
    read = sum(catch_up(folder, key_file) for folder in folders)
    out = Output(json)
    if not follow:
        out.data({"bytes": read})
        out.say(f"{read} bytes of the log were read")
    while follow:
        time.sleep(every)
        read = sum(catch_up(folder, key_file) for folder in folders)
        if read and not json:
            out.say(f"{read} bytes of the log were read")


def opened(log: Path | None, config: Path) -> Answers:
    """The columns of the logs, brought up to date."""
    folders, key_file = _logs(log, config)
    for folder in folders:
        catch_up(folder, key_file)
    return Answers(folders)


def _logs(log: Path | None, config: Path) -> tuple[list[Path], Path | None]:
    """The folders of the logs, and the key file by which what is made of them is encrypted."""
    if log is not None:
        return logs_in(log), None
    audit = load(config).audit
    return logs_in(audit.path), audit.sealing_key


def _kept(word: str) -> str:
    # The shell took the quotes off; a word with spaces in it is still one word.
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _columns(text: str) -> str:
    names = [name.strip() for name in text.split(",")]
    if not all(name.isidentifier() for name in names):
        raise Failure(Status.USAGE, f"`{text}` is not a list of columns")
    return ", ".join(names)


def _csv(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return when(value)
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(value)
        case list() | dict():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


def when(value: datetime) -> str:
    """A moment as people read it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
