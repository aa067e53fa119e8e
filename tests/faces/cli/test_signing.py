"""What commands do to a log is signed by its key, the configured one or one that is given; without it they do nothing."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run
from .test_evidence import folder as folder

HOLD = ("audit", "hold", "case-7", "--reason", "litigation", "--from", "2026-01-01", "--to", "2026-04-01")


def test_without_the_key_nothing_is_held_and_with_a_given_one_it_is(folder: Path, run: Run) -> None:
    key = folder / "audit.key"
    (found,) = [path for path in folder.rglob("*.key") if path.read_bytes().startswith(b"-----BEGIN PRIVATE")] or [key]
    found.rename(folder / "elsewhere")
    assert run(*HOLD).exit_code != 0
    assert not (folder / "audit" / "holds.jsonl").exists()
    assert run(*HOLD, "--signing-key", "elsewhere").exit_code == 0
    assert "litigation" in run("audit", "holds", "--signing-key", "elsewhere").output
    (folder / "elsewhere").rename(found)
    assert run("audit", "verify").exit_code == 0


def test_a_changed_list_of_holds_is_said_by_every_command(folder: Path, run: Run) -> None:
    assert run(*HOLD).exit_code == 0
    path = folder / "audit" / "holds.jsonl"
    path.write_bytes(path.read_bytes().replace(b"litigation", b"mitigation"))
    for command in (("holds",), ("prune", "--keep", "1d"), ("release", "case-7"), ("verify",)):
        done = run("audit", *command)
        assert done.exit_code != 0
        assert "is not what the log's key signed" in " ".join(done.output.split())


def test_a_log_without_a_checkpoint_has_nothing_to_sign_as(folder: Path, run: Run) -> None:
    (folder / "audit" / "checkpoint").unlink()
    done = run(*HOLD)
    assert done.exit_code == 1
    assert "has no checkpoint yet" in " ".join(done.output.split())
