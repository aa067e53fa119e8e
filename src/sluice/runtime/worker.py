"""One worker of several, as the control process starts it: `python -m sluice.runtime.worker`, with what it is given as JSON."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import msgspec
import structlog

from sluice.edges.config import ConfigError, load
from sluice.runtime.fleet import Given
from sluice.runtime.serve import Role, serve


def main() -> int:
    """Serves until it is told to end, or the control process is gone; the exit status."""
    given = msgspec.json.decode(sys.argv[1], type=Given)
    sockets = tuple(socket.socket(fileno=number) for number in given.sockets)
    try:
        config = load(Path(given.config))
    except ConfigError as error:
        structlog.get_logger("sluice").error("cannot start", reason=str(error))
        return 2
    reins = socket.socket(fileno=given.reins)
    return serve(config, Path(given.config), Role(given.number, given.workers, sockets, reins))


if __name__ == "__main__":
    sys.exit(main())
