"""`sluice audit seal` and `erase`: what becomes of segments that grow no more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sluice.edges.config import load
from sluice.edges.evidence.erasing import erase
from sluice.edges.evidence.files import read_closed
from sluice.edges.evidence.sealing import seal_closed
from sluice.edges.evidence.verify import logs_in
from sluice.edges.sinks.segments import segments
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.signing import SigningKey, signer_of
from sluice.faces.cli.statuses import Failure, Status

Log = Annotated[Path | None, typer.Option("--log", help="The log's folder, instead of the configured one.")]


def seal_command(
    key_file: Annotated[
        Path | None, typer.Option("--sealing-key", help="Encrypt with this key file, instead of the configured one.")
    ] = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Compress the segments of the log that grow no more, and encrypt them if there is a key file.

    The gateway does this by itself unless `audit.seal` is off. Everything that reads the log reads sealed segments too;
    those that are not encrypted are also read by `zstd -dc`.

    Examples:

      sluice audit seal
    """
    settings = load(config).audit if log is None or key_file is None else None
    folders = logs_in(log or (settings.path if settings else Path("audit")))
    with_key = key_file or (settings.sealing_key if settings else None)
    out, told = Output(json), []
    for folder in folders:
        for one in seal_closed(folder, with_key):
            told.append({"log": folder, "segment": one.segment, "before": one.before, "after": one.after})
            kind = "compressed and encrypted" if one.encrypted else "compressed"
            out.say(f"segment {one.segment}: {one.before:,} bytes {kind} to {one.after:,}")
    if not told:
        out.say("every closed segment is sealed")
    out.data(told)


def erase_command(
    segment: Annotated[int, typer.Option("--segment", help="Its number, as in the name of its file.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept beside the log, and `verify` says it.")],
    signing_key: SigningKey = None,
    log: Log = None,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Erase a closed segment for good; every other event, checkpoint and proof still holds, and `verify` says what was erased.

    Where it is encrypted, its key is erased with it: then copies of the sealed file are unreadable wherever they are, as
    long as nobody copied the folder `keys` too. What is under a legal hold is not erased.

    Examples:

      sluice audit erase --segment 12 --reason "retention of personal data is over"
    """
    found = [
        folder
        for folder in logs_in(log or load(config).audit.path)
        if segment in segments(folder) or any(one.segment == segment for one in read_closed(folder))
    ]
    if not found:
        raise Failure(Status.FAILED, f"the log has no segment {segment}")
    if len(found) > 1:
        raise Failure(Status.USAGE, f"several logs have a segment {segment}; say which with --log")
    erased = erase(found[0], segment, reason, signer_of(found[0], signing_key, config))
    out = Output(json)
    out.data(erased)
    last = erased.first + erased.lines - 1
    out.say(f"segment {segment} is erased: events {erased.first} to {last}{', and their key' if erased.by_key else ''}")
