"""The `sluice` command."""

from __future__ import annotations

import traceback

import typer

from sluice.faces.cli import (
    answers,
    approvals,
    audit,
    check,
    connecting,
    data_paths,
    doctor,
    init,
    labels,
    login,
    policy,
    report,
    revoke,
    scan,
    scrub,
    serve,
    sessions,
    sources,
    users,
    version,
)
from sluice.faces.cli.failures import reported
from sluice.faces.cli.statuses import Status

_HELP = """\
The identity-aware database gateway.

Begin with `sluice init`, look at what it wrote, then `sluice check` and `sluice serve`.

Exit statuses: 0 done; 1 a check failed or a statement would be refused; 2 the command line or a configuration, label \
or policy file is wrong; 3 a database, file or secret could not be reached; 4 a fault of Sluice's own.
"""

app = typer.Typer(
    name="sluice",
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(reported(init.command))
app.command("check")(reported(check.command))
app.command("serve")(reported(serve.command))
app.command("sources")(reported(sources.command))
app.command("doctor")(reported(doctor.command))
app.command("login")(reported(login.login))
app.command("logout")(reported(login.logout))
app.command("whoami")(reported(login.whoami))
app.command("psql")(reported(connecting.psql))
app.command("connect")(reported(connecting.connect))
app.command("env")(reported(connecting.env))
app.add_typer(connecting.credentials, name="credentials")
app.add_typer(users.app, name="users")
app.add_typer(sessions.app, name="sessions")
app.add_typer(revoke.app, name="revoke")
app.add_typer(policy.app, name="policy")
approvals.add(app)
app.add_typer(audit.app, name="audit")
app.command("paths")(reported(data_paths.paths_command))
app.command("report")(reported(report.report_command))
app.command("who-saw")(reported(answers.who_saw_command))
app.command("scan")(reported(scan.command))
app.add_typer(labels.app, name="labels")
app.command("scan-file")(reported(scrub.scan_file))
app.command("scrub")(reported(scrub.scrub))
app.command("version")(reported(version.command))


def run() -> None:
    """The entry point of the console script."""
    try:
        app()
    except Exception:  # A fault must not end with the status of a failed check, as it would by itself.
        traceback.print_exc()
        raise SystemExit(int(Status.FAULT)) from None
