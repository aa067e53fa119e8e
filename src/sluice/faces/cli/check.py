"""`sluice check`: is everything that `sluice serve` would read in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from sluice.edges.config import Config, ConfigError, load, policy_files, read_labels
from sluice.edges.identity import issuers_of
from sluice.edges.secrets import Secret, SecretError
from sluice.engines.postgres.hazards import LABELLED
from sluice.faces.cli.failures import Problem, joined, placed
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Status
from sluice.policy.labels import LabelError, load_labels
from sluice.policy.load import check


def command(config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Check the configuration, users, labels, policies and secrets, without connecting to anything.

    Ends with status 2 when the configuration cannot be read at all, and 1 when something it refers to is wrong.
    """
    loaded = load(config)
    problems = [problem for part in (labels, policies, secrets, certificates, tokens) for problem in part(loaded)]
    out = Output(json)
    listed = [{"file": file, "line": line, "problem": text} for file, line, text in problems]
    out.data({"ok": not problems, "problems": listed})
    for problem in problems:
        out.verdict("fail", placed(problem))
    if problems:
        raise typer.Exit(Status.FAILED)
    counts = f"{len(loaded.sources)} sources, {len(loaded.users)} users, {len(policy_files(loaded))} policy files"
    out.verdict("ok", f"{config}: {counts}")


def labels(config: Config) -> Iterator[Problem]:
    """What is wrong with the label file."""
    yield from _tried(lambda: load_labels(read_labels(config), str(config.labels), LABELLED))


def policies(config: Config) -> Iterator[Problem]:
    """What is wrong with the policy files, all of it."""
    files: dict[str, str] = {}
    yield from _tried(lambda: files.update(policy_files(config)))
    for error in check(files):
        yield error.file, error.line, error.reason


def secrets(config: Config) -> Iterator[Problem]:
    """Secrets that cannot be read."""
    for place, secret in every_secret(config):
        try:
            secret.read()
        except SecretError as error:
            yield place, 0, str(error)


def every_secret(config: Config) -> Iterator[tuple[str, Secret]]:
    """Each secret with the setting that refers to it."""
    yield "masking.key", config.masking.key
    for name, source in config.sources.items():
        if source.password is not None:
            yield f"sources.{name}.password", source.password


def certificates(config: Config) -> Iterator[Problem]:
    """Certificates and keys that cannot be read."""
    for place, path in every_certificate(config):
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            yield str(path), 0, f"`{place}` cannot be read: {error.strerror}"


def tokens(config: Config) -> Iterator[Problem]:
    """Issuers whose keys cannot be used."""
    for index, issuer in enumerate(config.tokens):
        path = issuer.jwks or issuer.public_key
        try:
            issuers_of([issuer])
        except OSError as error:
            yield str(path), 0, f"`tokens.{index}` cannot be read: {error.strerror}"
        except ValueError as error:
            yield "", 0, f"`tokens.{index}`: {error}"


def every_certificate(config: Config) -> Iterator[tuple[str, Path]]:
    """Each certificate and private key with the setting that refers to it."""
    for index, listener in enumerate(config.listeners):
        if listener.tls is not None:
            for field in ("cert", "key", "client_ca"):
                yield from _given(f"listeners.{index}.tls.{field}", getattr(listener.tls, field))
    for name, source in config.sources.items():
        for field in ("ca", "cert", "key"):
            yield from _given(f"sources.{name}.tls.{field}", getattr(source.tls, field))


def _given(place: str, path: Path | None) -> Iterator[tuple[str, Path]]:
    if path is not None:
        yield place, path


def _tried(reads: Callable[[], object]) -> Iterator[Problem]:
    try:
        reads()
    except ConfigError as error:
        yield error.file, error.line, joined(error.problem, error.expected)
    except LabelError as error:
        yield error.file, error.line, error.reason
