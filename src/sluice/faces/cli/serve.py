"""`sluice serve`: the gateway itself."""

from __future__ import annotations

import typer

from sluice.edges.config import load
from sluice.faces.cli.options import DEFAULT_CONFIG, ConfigPath
from sluice.runtime.serve import serve


def command(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Run the gateway until SIGTERM or SIGINT; its own log goes to standard error, a JSON object a line.

    Statements that run when it is told to end may finish, for half a minute.

    The configuration, users, labels and policies are read again when they
    change or on SIGHUP; what is wrong leaves the old ones in force and is
    logged. Listeners, the admin port and the log take a restart.

    Examples:

      sluice serve --config sluice.yaml
    """
    raise typer.Exit(serve(load(config), config))
