"""A log with its notary, and lines to put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sluice.audit.note import Signer
from sluice.edges.config import Audit
from sluice.edges.evidence.keys import load_key
from sluice.edges.evidence.notary import Notary
from sluice.edges.evidence.opening import open_log
from sluice.edges.sinks.jsonl import JsonLog, LogFailed


class Ledger:
    """A log that is signed when told to; `open` and `close` are a process's start and orderly end."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.audit = Audit(path=folder / "audit", signing_key=folder / "audit.key", **settings)  # type: ignore[arg-type]
        self.log: JsonLog
        self.notary: Notary
        self.mended: tuple[str, ...] = ()
        self.count = 0
        self.open()

    @property
    def folder(self) -> Path:
        return self.audit.path

    @property
    def signer(self) -> Signer:
        return Signer(self.notary.verifier.name, load_key(self.audit.signing_key))

    def open(self) -> None:
        self.log, self.notary, self.mended = open_log(self.audit)

    def write(self, count: int, *, sign: bool = True) -> None:
        for n in range(self.count, self.count + count):
            text = b"select '%d'" % n if n % 3 else b""
            self.log.append(b'{"event":"statement-asked","id":"c-%d","text":"%b","n":%d}\n' % (n, text, n))
        self.count += count
        if sign:
            self.sign()

    def sign(self) -> None:
        self.log.flush()
        self.notary.advance(*self.log.position)

    def close(self) -> None:
        self.log.close()

    def restart(self) -> None:
        self.close()
        self.open()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    made: list[Ledger] = []

    def start(name: str = "here", **settings: object) -> Ledger:
        made.append(Ledger(tmp_path / name, **settings))
        return made[-1]

    yield start
    for one in made:
        try:
            one.close()
        except (OSError, LogFailed):
            # A test that moved or changed the log's files, or closed it.
            continue


@pytest.fixture
def ledger(begin: Callable[..., Ledger]) -> Ledger:
    return begin()
