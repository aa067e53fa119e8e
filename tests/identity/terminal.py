"""Somebody at a terminal of their own, with `sluice` and nothing of the gateway's files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oidc import OidcProvider, Person
from typer.testing import CliRunner, Result

from sluice.faces.cli.main import app


@dataclass(frozen=True, slots=True)
class Terminal:
    """A person's configuration folder, and the address of a gateway's API."""

    home: Path
    api: str

    @property
    def kept(self) -> Path:
        """The file of the sign-in."""
        return self.home / "sluice" / "login.json"

    @property
    def environment(self) -> dict[str, str]:
        """What commands run with."""
        found = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "SLUICE"))}
        return found | {"XDG_CONFIG_HOME": str(self.home), "COLUMNS": "200"}

    def run(self, *words: str, status: int = 0, **more: str) -> Result:
        """A command of `sluice`, in this process."""
        away = {name: None for name in os.environ if name.startswith(("PG", "SLUICE"))}
        environment: dict[str, str | None] = {**away, "XDG_CONFIG_HOME": str(self.home), "COLUMNS": "200", **more}
        done = CliRunner().invoke(app, list(words), env=environment)
        assert done.exit_code == status, done.output
        return done

    def told(self, *words: str, **more: str) -> Any:
        """What a command says to programs."""
        return json.loads(self.run(*words, "--json", **more).stdout)

    def begin(self, *words: str, token: str = "") -> subprocess.Popen[str]:
        """A command in a process of its own, to be talked with; of somebody with a token, or of who signed in."""
        command = [sys.executable, "-m", "sluice", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = self.environment | ({"SLUICE_TOKEN": token} if token else {})
        return subprocess.Popen(command, text=True, env=environment, **pipes)  # type: ignore[call-overload,no-any-return]

    def sign_in(self, person: str, provider: OidcProvider, *words: str) -> dict[str, Any]:
        """`sluice login`, finished by a person at a browser; what it said to programs."""
        begun = self.begin("login", "--gateway", self.api, "--no-browser", "--json", *words)
        assert begun.stderr is not None
        url = said(begun, "sign in here: ")
        Person(person).visit(url)
        out, errors = begun.communicate(timeout=60)
        assert begun.returncode == 0, out + errors
        found: dict[str, Any] = json.loads(out)
        return found


def said(begun: subprocess.Popen[str], mark: str) -> str:
    """What stands behind a mark in the next line of errors that has it."""
    assert begun.stderr is not None
    for line in iter(begun.stderr.readline, ""):
        if mark in line:
            return line.split(mark, 1)[1].strip()
    raise AssertionError(f"`{mark}` was never said")
