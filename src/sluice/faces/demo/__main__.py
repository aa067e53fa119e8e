"""`python -m sluice.faces.demo [--once]`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console

from sluice.faces.demo.stage import Stage
from sluice.faces.demo.tour import tour


def main() -> int:
    """Sets the stage, gives the tour, and stays up unless told otherwise; 0 only if every step behaved."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="end after the tour; the exit status says whether it went well"
    )
    parser.add_argument("--folder", type=Path, default=Path(".sluice/demo"), help="where it keeps its files")
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    with Stage(chosen.folder.resolve(), lambda what: console.print(f"[bold]==>[/] {what}")) as stage:
        good = tour(stage, console)
        console.print("[green]every step behaved" if good else "[red]some step did not behave")
        if not chosen.once:
            _stay(stage, console)
    return 0 if good else 1


def _stay(stage: Stage, console: Console) -> None:
    console.rule("[bold]Go on by hand")
    for visitor in stage.visitors:
        console.print(f"[bold]{visitor.title}", highlight=False)
        console.print(
            f'PGPASSWORD={visitor.password} {stage.psql()} "{stage.dsn(visitor, password=False)}"',
            soft_wrap=True,
            highlight=False,
        )
    console.print(f"policies and labels to edit (read again at once): {stage.folder}\nCtrl-C ends it all")
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    raise SystemExit(main())
