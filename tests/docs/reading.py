"""The documents as a reader would follow them: their blocks, read from Markdown, and a shell that runs them.

A ```console block holds commands (`$ …`, continued by `> …`) and what they print; `…` stands for any text in a line, and alone
on a line for any lines. `exit=N` behind the fence is the status the last command of the block ends with. A block with `file=PATH`
behind its fence is written to that file, `append=PATH` adds to it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST = "docs/how-to/put-sluice-before-your-database.md"
"""The page that the other how-to pages go on from."""

COMMAND_SECONDS = 60
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page: what the fence says, and the text inside."""

    page: str
    line: int
    language: str
    words: dict[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block, what it prints and how it ends."""

    text: str
    printed: tuple[str, ...]
    status: int
    line: int


def pages() -> list[str]:
    """Every document, by its path from the root."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    lines = (ROOT / page).read_text().splitlines()
    at = 0
    while at < len(lines):
        fence = re.fullmatch(r"```(\S+)(.*)", lines[at])
        if fence is None:
            at += 1
            continue
        end = lines.index("```", at + 1)
        words = dict(word.partition("=")[::2] for word in fence[2].split())
        yield Block(page, at + 1, fence[1], words, "\n".join(lines[at + 1 : end]) + "\n")
        at = end + 1


def commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    found: list[tuple[str, list[str], int]] = []
    for offset, line in enumerate(block.text.splitlines(), 1):
        if line.startswith("$ "):
            found.append((line[2:], [], block.line + offset))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [], found[-1][2])
        else:
            found[-1][1].append(line)
    last = int(block.words.get("exit", 0))
    return [
        Command(text, tuple(printed), last if index == len(found) - 1 else 0, line)
        for index, (text, printed, line) in enumerate(found)
    ]


@dataclass(slots=True)
class Shell:
    """Runs a page's commands in one folder, each in a shell of its own that begins where the one before it ended."""

    folder: Path
    environment: dict[str, str]
    ports: dict[str, str] = field(default_factory=dict)
    """What the documents call a port, and the one it is here."""

    def follow(self, page: str, skipped: frozenset[str] = frozenset()) -> list[str]:
        """Does what the page says; what did not go as it says."""
        wrong: list[str] = []
        for block in blocks(page):
            self._write(block)
            if block.language != "console":
                continue
            for command in commands(block):
                if command.text in skipped:
                    continue
                status, said = self._until_right(command)
                if status != command.status or not fits(command.printed, said):
                    wrong.append(f"{page}:{command.line}: $ {command.text}\nended with {status} and printed\n{said}")
        return wrong

    def run(self, command: str) -> tuple[int, str]:
        """Runs one command; its status and what it printed."""
        state = self.folder.parent / f"{self.folder.name}.state"
        script = f"[ -e {state} ] && . {state}\n{self.there(command)}\n"
        script += f"status=$?; export -p >{state}; echo cd \"'$PWD'\" >>{state}; exit $status"
        printed = self.folder.parent / f"{self.folder.name}.out"
        # Not a pipe: what runs on in the background would hold it open.
        with printed.open("wb") as out:
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                timeout=COMMAND_SECONDS, check=False,
            )  # fmt: skip
        self._settle_ports()
        return done.returncode, self.here(printed.read_text())

    def end(self) -> None:
        """Ends the gateway that a page started."""
        noted = self.folder / "gateway.pid"
        if noted.exists():
            os.kill(int(noted.read_text()), signal.SIGTERM)

    def _until_right(self, command: Command) -> tuple[int, str]:
        """A question to the gateway is asked again for a while: what it reads anew takes it a second or two."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            status, said = self.run(command.text)
            right = status == command.status and fits(command.printed, said)
            if right or not _repeatable(command.text) or time.monotonic() > until:
                return status, said
            time.sleep(0.2)

    def _write(self, block: Block) -> None:
        name = block.words.get("file") or block.words.get("append")
        if name is None:
            return
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if "append" in block.words else ""
        path.write_text(self.there(before + block.text))

    def there(self, text: str) -> str:
        """A text of the documents, with the ports that are in use here."""
        for said, real in self.ports.items():
            text = re.sub(rf"\b{said}\b", real, text)
        return text

    def here(self, text: str) -> str:
        """The reverse."""
        for said, real in self.ports.items():
            text = re.sub(rf"\b{real}\b", said, text)
        return text

    def _settle_ports(self) -> None:
        config = self.folder / "sluice.yaml"
        if self.ports and config.exists() and (text := config.read_text()) != self.there(text):
            config.write_text(self.there(text))


def _repeatable(command: str) -> bool:
    return command.split(" ", 1)[0] in ("psql", "curl") or "sluice audit" in command


def fits(expected: tuple[str, ...], said: str) -> bool:
    """Whether what was printed is what the page shows; a page that shows nothing leaves it open."""
    if not expected:
        return True
    lines = [
        r"(?:[^\n]*\n)*?" if line == "…" else re.escape(line.rstrip()).replace("…", r"[^\n]*?") + r"[ ]*\n"
        for line in expected
    ]
    return re.fullmatch("".join(lines), said.rstrip("\n") + "\n") is not None
