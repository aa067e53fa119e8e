"""`sluice audit`: reads the log; what proves it is in `evidence`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sluice.audit.events import Caller, Connected, Event, StatementAsked, StatementDone, decode
from sluice.edges.config import load
from sluice.edges.evidence.verify import logs_in
from sluice.edges.sinks.jsonl import LogFailed, read
from sluice.faces.cli import answers, data_paths, evidence, retention, sealing, who_saw
from sluice.faces.cli.failures import reported
from sluice.faces.cli.log_tail import LogTail
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output, encoded
from sluice.faces.cli.statuses import Failure, Status

_POLL_SECONDS = 0.5
_UNMASKED = ("clear", "withheld")

Log = Annotated[Path | None, typer.Option("--log", help="The log's folder, instead of the configured one.")]
Who = Annotated[str, typer.Option("--as", help="Only what this identity asked, or an agent on its behalf.")]
Of = Annotated[str, typer.Option("--source", help="Only what went to this source.")]
How = Annotated[str, typer.Option("--outcome", help="Only statements with this decision: allow, refuse or hold.")]


class Filter(msgspec.Struct, frozen=True):
    """Which events are wanted; an empty field wants all."""

    identity: str = ""
    source: str = ""
    outcome: str = ""

    @property
    def all(self) -> bool:
        """Whether every event is wanted."""
        return self == Filter()

    def wants(self, event: Event) -> bool:
        """Whether an event is wanted; those without the field that is asked for are not."""
        if self.identity and self.identity not in _names(getattr(event, "identity", None)):
            return False
        if self.source and self.source != getattr(event, "source", None):
            return False
        return not self.outcome or (isinstance(event, StatementAsked) and event.outcome == self.outcome)


def tail(
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=100_000, help="How many events to begin with.")
    ] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as events come, until interrupted.")] = False,
    who: Who = "",
    source: Of = "",
    outcome: How = "",
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Show the newest events, one line each; with --json, the events as they stand in the log.

    Examples:

      sluice audit tail --follow

      sluice audit tail -n 1000 --as alice --outcome refuse --json
    """
    folder = log or load(config).audit.path
    wanted = Filter(identity=who, source=source, outcome=outcome)
    try:
        tailing = [LogTail(one) for one in logs_in(folder)]
        held = [each.newest(lines, lambda line: wanted.all or wanted.wants(_event(line))) for each in tailing]
        # Each log is in order; those of several workers are put together by the time of their events.
        newest = list(merge(*held, key=_time))[-lines:] if lines else []
        for line in newest:
            _print(line, json)
        while follow:
            time.sleep(_POLL_SECONDS)
            for line in merge(*(list(each.fresh()) for each in tailing), key=_time):
                if wanted.all or wanted.wants(_event(line)):
                    _print(line, json)
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"the log in `{folder}` cannot be read: {error.strerror}") from error


def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a statement's event, as `tail` shows it.")],
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Show all that the log holds on one event: what was asked, what was decided and why, and how it ended."""
    folder = log or load(config).audit.path
    found = [event for one in logs_in(folder) for event in map(_event, _read(one)) if event.id == event_id]
    if not found:
        raise Failure(Status.FAILED, f"the log in `{folder}` has no event `{event_id}`")
    out = Output(json)
    out.data(found)
    for event in found:
        out.say(encoded(event).decode())


def summary(event: Event) -> str:
    """An event in one line for people."""
    name = event.__struct_config__.tag
    match event:
        case StatementAsked():
            masked = [f"{shown.name}:{shown.mask}" for shown in event.outputs or () if shown.mask not in _UNMASKED]
            hidden = f" masked {', '.join(masked)}" if masked else ""
            policies = f" by {', '.join(event.policies)}" if event.policies else ""
            who = f"{event.identity.kind}:{event.identity.name}"
            text = " ".join((event.text or event.normalized or event.verb).split())
            return f"{event.time} {event.id} {who} {event.source} {event.outcome}{policies}{hidden} | {text}"
        case StatementDone():
            error = f" {event.error}" if event.error else ""
            return f"{event.time} {event.id} {event.outcome}{error} {event.rows} rows {event.duration_us / 1000:.1f} ms"
        case Connected():
            who, purpose = (
                f"{event.identity.kind}:{event.identity.name}",
                f" for {event.purpose}" if event.purpose else "",
            )
            return f"{event.time} {event.id} connected {who} {event.source}{purpose} from {event.client.address}"
        case _:
            fields = msgspec.to_builtins(event)
            rest = [
                f"{key}={value}" for key, value in fields.items() if key not in ("id", "time", "seq", "event") and value
            ]
            return f"{event.time} {event.id} {name} {' '.join(rest)}"


def _read(folder: Path) -> Iterator[bytes]:
    try:
        yield from read(folder)
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"the log in `{folder}` cannot be read: {error.strerror}") from error


def _time(line: bytes) -> str:
    return _event(line).time


def _event(line: bytes) -> Event:
    try:
        return decode(line)
    except msgspec.MsgspecError as error:
        raise LogFailed("a line of the log is no event that this version knows") from error


def _print(line: bytes, json: bool) -> None:
    # One event a line with `--json` too, so that the output can be followed.
    if json:
        typer.echo(line)
    else:
        Output(json=False).say(summary(_event(line)))


def _names(caller: Caller | None) -> Iterator[str]:
    while caller is not None:
        yield caller.name
        caller = caller.on_behalf_of


app = typer.Typer(help="Read the log of who asked what and what they saw, and prove it.", no_args_is_help=True)
app.command("tail")(reported(tail))
app.command("show")(reported(show))
app.command("keygen")(reported(evidence.keygen))
app.command("key")(reported(evidence.key))
app.command("verify")(reported(evidence.verify_command))
app.command("prove")(reported(evidence.prove_command))
app.command("tiles")(reported(evidence.tiles_command))
app.command("hash")(reported(who_saw.hash_command))
app.command("new-subject-key")(reported(who_saw.new_key))
app.command("search")(reported(answers.search))
app.command("replay")(reported(answers.replay))
app.command("index")(reported(answers.index))
app.command("ship")(reported(data_paths.ship_command))
app.command("prune")(reported(retention.prune_command))
app.command("hold")(reported(retention.hold_command))
app.command("holds")(reported(retention.holds_command))
app.command("release")(reported(retention.release_command))
app.command("seal")(reported(sealing.seal_command))
app.command("erase")(reported(sealing.erase_command))
app.command("redact")(reported(evidence.redact_command))
app.command("heads")(reported(evidence.heads_command))
app.command("check-proof")(reported(evidence.check_proof_command))
