"""The `sluice` command."""

from __future__ import annotations

import traceback

import typer

from sluice.faces.cli.commands import Group
from sluice.faces.cli.statuses import Status

_HELP = """\
The identity-aware database gateway.

Begin with `sluice init`, look at what it wrote, then `sluice check` and `sluice serve`.

Exit statuses: 0 done; 1 a check failed or a statement would be refused; 2 the command line or a configuration, label \
or policy file is wrong; 3 a database, file or secret could not be reached; 4 a fault of Sluice's own.
"""

app = typer.Typer(
    name="sluice",
    cls=Group,
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _sluice() -> None:
    """Nothing of its own: it has commands."""


def run() -> None:
    """The entry point of the console script."""
    try:
        app()
    except Exception:  # A fault must not end with the status of a failed check, as it would by itself.
        traceback.print_exc()
        raise SystemExit(int(Status.FAULT)) from None
