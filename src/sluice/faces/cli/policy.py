"""`sluice policy`: are the policies in order, and what would they decide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sluice.edges.config import load, policy_files
from sluice.faces.cli import explain, simulate
from sluice.faces.cli.failures import placed, reported
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status
from sluice.policy.load import check, load_policies

Files = Annotated[list[Path] | None, typer.Argument(help="Policy files, instead of the configured ones.")]


def check_policies(files: Files = None, config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Check policies against the schema, and say what is wrong with file and line.

    Ends with status 1 when they could not be used.
    """
    texts = {str(path): _text(path) for path in files} if files else policy_files(load(config))
    problems = [(error.file, error.line, error.reason) for error in check(texts)]
    count = 0 if problems else len(load_policies(texts))
    out = Output(json)
    listed = [{"file": file, "line": line, "problem": text} for file, line, text in problems]
    out.data({"ok": not problems, "policies": count, "files": sorted(texts), "problems": listed})
    for problem in problems:
        out.verdict("fail", placed(problem))
    if problems:
        raise typer.Exit(Status.FAILED)
    out.verdict("ok", f"{count} policies in {len(texts)} files")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Failure(Status.USAGE, f"`{path}` is not UTF-8 text") from error
    except OSError as error:
        raise Failure(Status.USAGE, f"`{path}` cannot be read: {error.strerror}") from error


app = typer.Typer(
    help="Check the policies, ask what they would decide, and try others on the log.", no_args_is_help=True
)
app.command("check")(reported(check_policies))
app.command("explain")(reported(explain.command))
app.command("simulate")(reported(simulate.command))
