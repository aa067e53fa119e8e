"""`sluice serve`: the gateway itself."""

from __future__ import annotations

from typing import Annotated

import typer

from sluice.edges.config import load
from sluice.faces.cli.options import DEFAULT_CONFIG, ConfigPath
from sluice.runtime.keys import MOST_WORKERS
from sluice.runtime.serve import Role, serve


def command(
    config: ConfigPath = DEFAULT_CONFIG,
    workers: Annotated[
        int, typer.Option(min=1, max=MOST_WORKERS, help="How many processes share the clients; about one per core.")
    ] = 1,
) -> None:
    """Run the gateway until SIGTERM or SIGINT; its own log goes to standard error, a JSON object a line.

    Statements that run when it is told to end may finish, for half a minute.

    The configuration, users, labels and policies are read again when they
    change or on SIGHUP; what is wrong leaves the old ones in force and is
    logged. Listeners, the admin port and the log take a restart.

    With several workers, a control process starts them, serves the API and
    the metrics of all, and starts anew what ends by itself. Each worker has
    a log of its own, a folder in the configured one; `sluice audit` reads
    them all.

    Examples:

      sluice serve --config sluice.yaml

      sluice serve --workers 4
    """
    raise typer.Exit(serve(load(config), config, Role(workers=workers)))
