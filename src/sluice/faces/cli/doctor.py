"""`sluice doctor`: what would let somebody around or through the gateway, though everything runs."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from sluice.edges.config import Config, fail_open, load
from sluice.faces.cli import check
from sluice.faces.cli.doctor_files import files, key, listener_certificates
from sluice.faces.cli.doctor_sources import source
from sluice.faces.cli.failures import placed
from sluice.faces.cli.findings import Finding
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.statuses import Status


def command(config: ConfigPath = DEFAULT_CONFIG, json: AsJson = False) -> None:
    """Look for what would let somebody around or through the gateway: at the files, the databases, and the settings.

    It looks at file permissions, the masking key and certificates; for each
    source at the upstream role, TLS, the clock, and whether others can reach
    the database without the gateway; and it lists every unsafe setting.

    Ends with status 1 when something fails; warnings alone leave it at 0.
    """
    loaded = load(config)
    found = [*_settings(loaded), *files(config, loaded), *key(loaded), *listener_certificates(loaded)]
    for name, each in loaded.sources.items():
        found += source(name, each)
    out = Output(json)
    failed = any(finding.mark == "fail" for finding in found)
    out.data({"ok": not failed, "findings": found})
    for finding in found:
        out.verdict(finding.mark, f"{finding.about}: {finding.text}")
    if failed:
        raise typer.Exit(Status.FAILED)


def _settings(config: Config) -> Iterator[Finding]:
    problems = [
        problem for part in (check.labels, check.policies, check.secrets, check.tokens) for problem in part(config)
    ]
    for problem in problems:
        yield Finding("configuration", "fail", placed(problem))
    if not problems:
        yield Finding("configuration", "ok", "labels, policies, secrets and token keys can be read")
    settings = fail_open(config)
    for each in settings:
        yield Finding("fail-open setting", "warn", str(each))
    if not settings:
        yield Finding("fail-open settings", "ok", "none")
    for name, user in config.users.items():
        if not user.disabled and user.purposes is None and user.kind == "agent":
            yield Finding(f"user {name}", "warn", "an agent that may state any purpose; give it `purposes`")
