"""Who is here: each process answers on a socket of its own in the log's folder, which its owner alone can open."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import structlog

from sluice.runtime.standing import OpenSession

_NAME = "sessions.sock"
_SECONDS = 5.0
log = structlog.get_logger("sluice.roster")


class Roster:
    """Says which sessions are open to whoever connects."""

    def __init__(self, folder: Path, here: Callable[[], list[OpenSession]]) -> None:
        self._path = folder / _NAME
        self._here = here
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begins to answer. Without the socket the gateway works all the same, and says so in its log."""
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._answer, str(self._path))
        except OSError as error:
            log.warning("`sluice sessions` will not work", reason=str(error))
        finally:
            os.umask(mask)

    def close(self) -> None:
        """Ends answering."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(msgspec.json.encode(self._here()))
        try:
            async with asyncio.timeout(_SECONDS):
                await writer.drain()
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()


def everybody(folder: Path) -> list[OpenSession]:
    """The open sessions of every process that writes to this log. Raises OSError when none answers."""
    answers = list(_answers(folder))
    if not answers:
        raise OSError(f"no gateway that writes to `{folder}` answers")
    return sorted((session for answer in answers for session in answer), key=lambda session: session.since)


def _answers(folder: Path) -> Iterator[list[OpenSession]]:
    for path in sorted((*folder.glob(_NAME), *folder.glob(f"*/{_NAME}"))):
        try:
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(_SECONDS)
                asked.connect(str(path))
                found = b"".join(iter(lambda: asked.recv(1 << 16), b""))
            yield msgspec.json.decode(found, type=list[OpenSession])
        except (ConnectionError, FileNotFoundError):
            # A process that is gone left its socket behind.
            continue
