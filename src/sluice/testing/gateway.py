"""A gateway of one's own: its files written into a folder, served by a process of its own, stopped at the end.

Everything about it is real: the configuration is read from YAML, the process is the one `sluice serve` starts, its log is
on disk. It is ready when `/readyz` says so.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from sluice.edges.sinks.jsonl import read
from sluice.engines.postgres.scram import Verifier
from sluice.testing.ports import free_port

READY_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.02


class RunningGateway:
    """`sluice serve` in a process of its own, as a context manager.

    `folder` gets `sluice.yaml` (from `config`, YAML without `listeners` and `admin`), a masking key and `files` (relative
    path to text). `workers`: how many there are; `environment`: for the process, beside this one's. `listener` is what the
    one listener has besides its address, as YAML flow text such as `tls: {…}`. `classification`: the section of that name; a test
    of something else is spared that its columns are looked into.
    Raises RuntimeError with the gateway's own words when it does not become ready.
    """

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        files: Mapping[str, str] | None = None,
        listener: str = "",
        workers: int = 1,
        environment: Mapping[str, str] | None = None,
        classification: str = "{unclassified: clear, automatic: off}",
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.admin = free_port()
        self.config = folder / "sluice.yaml"
        self.audit = folder / "audit"
        self.said = folder / "gateway.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._more = ["--workers", str(workers)] if workers > 1 else []
        self._environment = {**os.environ, **(environment or {})}
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (files or {}).items():
            self.write(name, text)
        if not (folder / "masking.key").exists():
            (folder / "masking.key").write_bytes(secrets.token_bytes(32))
            (folder / "masking.key").chmod(0o600)
        self._head = f"listeners: [{{address: 127.0.0.1, port: {self.port}{', ' + listener if listener else ''}}}]\n"
        self._head += f"admin: {{port: {self.admin}}}\n"
        self._classification = f"classification: {classification}\n"
        self.configure(config)

    def __enter__(self) -> RunningGateway:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process; RuntimeError when there is none."""
        if self._process is None:
            raise RuntimeError("the gateway was not started")
        return self._process.pid

    def state(self) -> str:
        """The process's state as Linux shows it: `R`, `S`, `D`, `T` (stopped), …"""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def write(self, name: str, text: str) -> Path:
        """Writes a file of the gateway's folder, in one step, so that a reload never sees half of it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".new")
        beside.write_text(text)
        beside.replace(path)
        return path

    def configure(self, config: str) -> None:
        """Writes `sluice.yaml` anew; a running gateway notices within a second or two, or at `reload`."""
        unsaid = "" if "classification:" in config else self._classification
        self.write("sluice.yaml", self._head + unsaid + config).chmod(0o600)

    def start(self) -> None:
        """Starts the process and waits until it is ready."""
        command = [sys.executable, "-m", "sluice", "serve", "--config", str(self.config), *self._more]
        with self.said.open("ab") as errors:
            self._process = subprocess.Popen(command, stderr=errors, env=self._environment)
        try:
            self.until(lambda: self._ended() or self.ready(), "the gateway to be ready", READY_SECONDS)
        except RuntimeError:
            self.kill()
            raise
        if self._ended():
            raise RuntimeError("the gateway did not start: " + self.said.read_text()[-4000:])

    def stop(self) -> int:
        """Ends it gracefully, if it runs; its exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(90)

    def kill(self) -> None:
        """Ends it as a crash would (SIGKILL)."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(30)

    def reload(self) -> None:
        """Tells it to read its files again (SIGHUP); it does so soon, not at once."""
        os.kill(self.pid, signal.SIGHUP)

    def ready(self) -> bool:
        """Whether `/readyz` says 200."""
        try:
            return self.fetch("/readyz")[0] == 200
        except OSError:
            return False

    def fetch(self, path: str) -> tuple[int, str]:
        """Status and text of a page of the admin port."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def dsn(self, user: str, password: str, source: str, *, purpose: str = "", **more: str) -> str:
        """A libpq connection string through the gateway."""
        words = {"host": "127.0.0.1", "port": str(self.port), "user": user, "password": password, "dbname": source}
        if purpose:
            words["options"] = f"-c sluice.purpose={purpose}"
        return " ".join(f"{name}='{value}'" for name, value in {**words, **more}.items())

    def events(self) -> list[dict[str, Any]]:
        """Every event of the log so far, in order."""
        return list(self._events())

    def event(self, wanted: Callable[[dict[str, Any]], bool], what: str = "an event") -> dict[str, Any]:
        """The first event that is wanted, waited for; RuntimeError when it does not come."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found.extend(event for event in self._events() if wanted(event))
            return bool(found)

        self.until(look, what)
        return found[0]

    def resident(self) -> int:
        """Bytes of memory the process holds."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Looks again and again until it holds; RuntimeError with the gateway's words after so many seconds."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise RuntimeError(f"waited in vain for {what}: {self.said.read_text()[-4000:]}")
            time.sleep(LOOK_SECONDS)

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _events(self) -> Iterator[dict[str, Any]]:
        if self.audit.exists():
            for folder in (self.audit, *sorted(self.audit.glob("worker-*"))):
                yield from map(json.loads, read(folder))


def starter_policies() -> dict[str, str]:
    """The starter set as files: `policies/….cedar`."""
    found = resources.files("sluice.policy.starter").iterdir()
    return {f"policies/{one.name}": one.read_text() for one in found if one.name.endswith(".cedar")}


def verifier(password: str) -> str:
    """What a configuration stores of a password."""
    return str(Verifier.make(password, secrets.token_bytes(16)))
