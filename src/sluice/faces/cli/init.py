"""`sluice init`: writes a commented configuration to begin with."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg.conninfo import conninfo_to_dict

from sluice.edges.config.parts import is_loopback
from sluice.faces.cli.database import first_line
from sluice.faces.cli.options import AsJson
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status
from sluice.faces.cli.suggest import Suggestion, label_file, suggest
from sluice.faces.cli.templates import CONFIG, SOURCE_PLACEHOLDER, source_entry
from sluice.faces.cli.users_file import HEADER
from sluice.policy import starter

_KEY_BYTES = 32
_WORD = re.compile(r"[^A-Za-z0-9_]+")

Parameters = Mapping[str, str]


def command(
    database_url: Annotated[
        str,
        typer.Option(
            envvar="SLUICE_DATABASE_URL", help="The database to govern; its catalog is read, nothing is changed."
        ),
    ] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="The configuration file to write.")] = Path(
        "sluice.yaml"
    ),
    environment: Annotated[str, typer.Option(help="What policies call the database's environment.")] = "production",
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that exist, except for keys and users.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Write a commented configuration, a label file, the starter policies, a users file and a masking key.

    With --database-url the source is filled in, and labels are suggested
    by the names of its columns. A password in the URL is used for that once
    and is not written down: the configuration refers to a variable.

    Examples:

      sluice init --database-url postgres://sluice@db.example.com/shop -o sluice.yaml

      SLUICE_DATABASE_URL=postgres://… sluice init
    """
    out = Output(json)
    given = _parameters(database_url)
    name = given.get("dbname", "")
    labels = files(starter).joinpath(starter.LABELS).read_text("utf-8")
    suggested, used_password = _suggested(given, labels) if given else ([], True)
    folder = output.absolute().parent
    texts = {
        output.absolute(): CONFIG.format(
            source=_source(given, environment, used_password) if given else SOURCE_PLACEHOLDER
        ),
        folder / "labels.yaml": label_file(labels, _name(name), suggested),
        **{folder / "policies" / each: files(starter).joinpath(each).read_text("utf-8") for each in starter.POLICIES},
    }
    taken = [str(path) for path in texts if path.exists()]
    if taken and not force:
        raise Failure(
            Status.FAILED, f"would replace {', '.join(f'`{path}`' for path in taken)}", "use `--force`, or `-o`"
        )
    kept = {folder / "users.yaml": HEADER, folder / "masking.key": secrets.token_hex(_KEY_BYTES) + "\n"}
    written = _write(texts, kept)
    out.data({"written": written, "suggested": [{"column": each.column, "label": each.label} for each in suggested]})
    _tell(out, output, written, suggested, _variable(name) if given and used_password else "")


def _parameters(url: str) -> Parameters:
    if not url:
        return {}
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError:
        # Not chained and not quoted: the text may hold a password.
        raise Failure(
            Status.USAGE, "`--database-url` is not a database URL", "`postgres://user@host:port/name`"
        ) from None
    if not given.get("dbname"):
        raise Failure(Status.USAGE, "`--database-url` names no database", "`postgres://user@host:port/name`")
    if "," in given.get("host", "") or "," in given.get("port", ""):
        raise Failure(Status.USAGE, "`--database-url` names several hosts", "one; make a source of each")
    return given


def _suggested(given: Parameters, labels: str) -> tuple[list[Suggestion], bool]:
    """Suggestions, and whether a password was given or asked for."""
    settings = {
        "connect_timeout": "10",
        **given,
        "application_name": "sluice",
        "options": "-c default_transaction_read_only=on",
    }
    try:
        with psycopg.connect(autocommit=True, **settings) as connection:  # type: ignore[arg-type]
            return suggest(connection, labels), "password" in given or bool(connection.pgconn.used_password)
    except psycopg.Error as error:
        raise Failure(Status.UNREACHABLE, f"the database cannot be read: {first_line(error)}") from error


def _source(given: Parameters, environment: str, used_password: bool) -> str:
    host = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or "127.0.0.1"
    mode = given.get("sslmode", "")
    if mode not in ("verify-full", "verify-ca", "require", "disable") or (mode == "disable" and is_loopback(host)):
        mode = ""
    return source_entry(
        name=_name(given["dbname"]),
        host=host,
        port=given.get("port", "5432"),
        database=given["dbname"],
        environment=environment,
        user=given.get("user") or os.environ.get("PGUSER") or "sluice",
        password=f"{'' if used_password else '# '}password: ${{{_variable(given['dbname'])}}}",
        mode=mode,
        ca=given.get("sslrootcert", ""),
    )


def _name(database: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", database)[:63]


def _variable(database: str) -> str:
    return f"{_WORD.sub('_', database).upper()}_PASSWORD" if database else ""


def _write(texts: Mapping[Path, str], kept: Mapping[Path, str]) -> list[Path]:
    written = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
        for path, text in kept.items():
            if not path.exists():
                # Private from its first moment on; never replaced, for masks would change and users be gone.
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(fd, "w", encoding="utf-8") as file:
                    file.write(text)
                written.append(path)
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"`{error.filename}` cannot be written: {error.strerror}") from error
    return written


def _tell(out: Output, output: Path, written: list[Path], suggested: list[Suggestion], variable: str) -> None:
    for path in written:
        out.say(f"wrote {path}", "ok")
    if suggested:
        out.say("\nsuggested labels, by the names of the columns alone; look through them:")
        out.table(("column", "label"), [(each.column, each.label) for each in suggested])
    out.say("\nnext:")
    if variable:
        out.say(f"  export {variable}=…        the password of the upstream role; it was not written down")
    option = "" if output == Path("sluice.yaml") else f" --config {output}"
    out.say(f"  sluice check{option}")
    out.say(f"  sluice users add NAME --group support{option}")
    out.say(f"  sluice doctor{option}")
    out.say(f"  sluice serve{option}")
