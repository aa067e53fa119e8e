"""`sluice who-saw`: who received a label, a column, a table, or the data of one person; and the hashes that persons are asked by."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sluice.edges.answers.persons import Subject
from sluice.edges.answers.who_saw import Question, who_saw
from sluice.edges.config import Config, load, read_labels
from sluice.edges.evidence.subjects import add_key, load_keys
from sluice.engines.postgres.hazards import LABELLED
from sluice.faces.cli.answers import Limit, Log, Since, Until, opened, when
from sluice.faces.cli.moments import moment_of
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Failure, Status
from sluice.mask.subjects import VALUE_HASH
from sluice.policy.book import SUBJECTS, LabelBook
from sluice.policy.labels import LabelError, load_labels

_PERHAPS = (
    "perhaps: the log cannot tell whom these results were about (values computed from the identifying ones, too many "
    "of them, a key that is not here, or an end that nobody saw)"
)


def who_saw_command(
    what: Annotated[
        str,
        typer.Argument(
            help="A label (`pii`, `pii.email`), a column (`customers.email`), a table, or a hash of `sluice audit hash`."
        ),
    ] = "",
    subject: Annotated[
        str,
        typer.Option("--subject", metavar="LABEL=VALUE", help="A person: `email=ada@example.com`, `pii.passport=…`."),
    ] = "",
    source: Annotated[str, typer.Option("--source", help="Only from this source.")] = "",
    who: Annotated[str, typer.Option("--as", help="Only this identity, or an agent on its behalf.")] = "",
    since: Since = "",
    until: Until = "",
    clear: Annotated[bool, typer.Option("--clear", help="Only who saw it in clear.")] = False,
    masked: Annotated[bool, typer.Option("--masked", help="Only who saw it masked.")] = False,
    events: Annotated[bool, typer.Option("--events", help="Every statement, the newest first, not summed up.")] = False,
    limit: Limit = 1000,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Show who received a label, a column, a table or a person's data: when, how many rows, in clear or masked, why, and who approved it.

    A person is found by keyed hashes of identifying values, which the log has instead of the values. Where it cannot tell
    whether they were in a result, the answer says `perhaps`.

    Examples:

      sluice who-saw pii.email --clear --since 90d

      sluice who-saw public.orders.card_number --events

      sluice who-saw --subject email=ada@example.com
    """
    if bool(what) == bool(subject):
        raise Failure(Status.USAGE, "expected either a label, column, table or hash, or `--subject LABEL=VALUE`")
    asked: str | Subject = what
    if subject:
        asked = _person(subject, config)[0]
    elif VALUE_HASH.fullmatch(what):
        asked = _hashed(what, config)
    now = datetime.now(UTC)
    begin, end = (moment_of(text, now) if text else None for text in (since, until))
    question = Question(asked, source, who, begin, end, None if clear == masked else clear)
    found = who_saw(opened(log, config), question, events=limit if events else 0)
    out = Output(json)
    out.data(found)
    if not found:
        # A value that was typed is not repeated.
        out.say(f"nobody saw {what or 'data of this person'}, as far as the log tells")
    else:
        _show(out, found, events)
    if not all(one["certain"] for one in found):
        out.say(_PERHAPS)


def _show(out: Output, found: list[dict[str, Any]], events: bool) -> None:
    if events:
        out.table(
            ("time", "event", "who", "source", "purpose", "how", "rows", "by", "statement"),
            ([when(one["time"]), one["id"], _who(one), one["source"], one["purpose"], _how(one), one["rows"],
              _by(one), one["text"]] for one in found),
        )  # fmt: skip
    else:
        out.table(
            ("who", "source", "purpose", "how", "rows", "statements", "first", "last", "by", "newest event"),
            ([_who(one), one["source"], one["purpose"], _how(one), one["rows"], one["statements"], when(one["first"]),
              when(one["last"]), _by(one), one["newest"]] for one in found),
        )  # fmt: skip


def hash_command(
    subject: Annotated[str, typer.Argument(metavar="LABEL=VALUE", help="A person: `email=ada@example.com`.")],
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Print the hashes that stand for a person in the log, one for each key, the one in use last.

    `sluice who-saw HASH` takes one, so that somebody can ask who may not know the value.
    """
    _, hashes = _person(subject, config)
    out = Output(json)
    out.data(hashes)
    for one in hashes:
        out.say(one)


def new_key(config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Add a key for the hashes of identifying values. A running gateway uses it within two seconds.

    What was hashed before is found by the keys before it, which stay in the file `audit.subject_keys`. Whoever takes a line
    out of it makes the hashes under that key random numbers for good; answers then say `perhaps`.
    """
    settings = load(config).audit
    made = add_key(settings.subject_keys)
    out = Output(json)
    out.data({"key": made.id, "file": settings.subject_keys})
    out.say(f"values are hashed under the key {made.id} from now on; {settings.subject_keys} keeps those before it")


def _person(text: str, config: Path) -> tuple[Subject, list[str]]:
    """Who is asked about, and the hashes that stand for them."""
    name, equals, value = text.partition("=")
    if not equals or not value.strip():
        raise Failure(Status.USAGE, "expected `LABEL=VALUE`, such as `email=ada@example.com`")
    settings = load(config)
    book = _book(settings)
    labels = tuple(one for one in book.subjects if one == name or one.endswith("." + name))
    if not labels and name in book.labels:
        labels = (name,)
    if not labels:
        known = ", ".join(f"`{one}`" for one in book.subjects) or "none"
        raise Failure(
            Status.USAGE,
            f"`{name}` is no label whose values identify people; `subjects` in the label file lists {known}",
        )
    hashes = [key.hashed(value) for key in load_keys(settings.audit.subject_keys)]
    return Subject({key: int(one, 16) for key, _, one in (each.partition(":") for each in hashes)}, labels), hashes


def _hashed(text: str, config: Path) -> Subject:
    key, _, value = text.partition(":")
    labels = _book(load(config)).subjects if config.exists() else SUBJECTS
    return Subject({key: int(value, 16)}, labels, strict=False)


def _book(config: Config) -> LabelBook:
    try:
        return load_labels(read_labels(config), str(config.labels), LABELLED)
    except LabelError as error:
        raise Failure(Status.USAGE, str(error)) from error


def _who(one: dict[str, Any]) -> str:
    behind = f" for {one['on_behalf_of']}" if one["on_behalf_of"] else ""
    return f"{one['kind']}:{one['who']}{behind}"


def _by(one: dict[str, Any]) -> str:
    """The policies that let it pass, what was lent at the time, and the people who approved it."""
    lent = f" with {', '.join(one['grants'])}" if one["grants"] else ""
    approved = f" approved by {', '.join(one['approved_by'])}" if one["approved_by"] else ""
    return ", ".join(one["policies"]) + lent + approved


def _how(one: dict[str, Any]) -> str:
    masks = ", ".join(one["masks"] or ())
    how = "clear" if one["clear"] and not masks else f"clear, {masks}" if one["clear"] else masks
    return how if one["certain"] else f"perhaps {how}"
