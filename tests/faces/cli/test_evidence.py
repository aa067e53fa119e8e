from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sluice.audit.encode import encode
from sluice.audit.events import Event
from sluice.edges.config import Audit, load
from sluice.edges.evidence.opening import open_log

from .conftest import Run
from .test_audit import asked, done


@pytest.fixture
def folder(tmp_path: Path, run: Run) -> Path:
    """A configured folder with a signed log of three events."""
    run("init")
    _log(tmp_path, asked(1, "alice"), done(1), asked(3, "trainer"))
    return tmp_path


def _log(folder: Path, *events: Event) -> None:
    log, notary, _ = open_log(load(folder / "sluice.yaml").audit)
    log.append(b"".join(map(encode, events)))
    log.flush()
    notary.advance(*log.position)
    log.close()


def test_a_log_is_verified_with_the_configured_key_or_a_given_one(folder: Path, run: Run) -> None:
    assert "3 signed events are what was signed" in run("audit", "verify").output
    vkey = run("audit", "key").stdout.strip()
    assert json.loads(run("audit", "key", "--json").stdout)[0]["key"] == vkey
    (folder / "vkey").write_text(vkey + "\n")
    shutil.copytree(folder / "audit", folder / "copy")
    (folder / "sluice.yaml").unlink()
    for key in (vkey, "vkey"):
        found = json.loads(run("audit", "verify", "--log", "copy", "--key", key, "--json").stdout)
        assert (found[0]["holds"], found[0]["events"], found[0]["signed"]) == (True, 3, 3)


def test_a_changed_log_ends_with_status_1(folder: Path, run: Run) -> None:
    path = folder / "audit" / "audit-000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"alice", b"olice"))
    verified = run("audit", "verify")
    assert verified.exit_code == 1
    assert "event 0 (segment 1, line 1) is not what was signed" in verified.output
    assert json.loads(run("audit", "verify", "--json").stdout)[0]["holds"] is False


def test_a_kept_checkpoint_is_continued(folder: Path, run: Run) -> None:
    shutil.copy(folder / "audit" / "checkpoint", folder / "kept")
    assert "it continues the checkpoint of 3 events" in run("audit", "verify", "--against", "kept").output
    (folder / "kept").write_bytes((folder / "kept").read_bytes().replace(b"\n3\n", b"\n4\n"))
    assert run("audit", "verify", "--against", "kept").exit_code == 1
    assert run("audit", "verify", "--against", "missing").exit_code == 3


def test_the_tree_is_laid_out_as_tiles(folder: Path, run: Run) -> None:
    found = json.loads(run("audit", "tiles", "public", "--json").stdout)
    assert (found[0]["size"], found[0]["files"]) == (3, 2)
    assert (folder / "public/tile/entries/000.p/3").stat().st_size == 3 * 34
    assert "3 events in public, 0 files written" in run("audit", "tiles", "public").output
    (folder / "tree").write_text("")
    assert run("audit", "tiles", "tree").exit_code == 3


def test_each_line_of_an_event_is_proven(folder: Path, run: Run) -> None:
    proved = run("audit", "prove", "c1-1")
    assert proved.output.split() == ["c1-1-statement-asked.tlog-proof", "c1-1-statement-done.tlog-proof"]
    vkey = run("audit", "key").stdout.strip()
    shutil.rmtree(folder / "audit")
    checked = run("audit", "check-proof", "c1-1-statement-done.tlog-proof", "--key", vkey)
    assert (checked.exit_code, "event 1 of 3 in the log sluice-" in checked.output) == (0, True)
    found = json.loads(run("audit", "check-proof", "c1-1-statement-asked.tlog-proof", "--key", vkey, "--json").stdout)
    assert (found["index"], found["event"]["identity"]["name"]) == (0, "alice")
    path = folder / "c1-1-statement-asked.tlog-proof"
    path.write_bytes(path.read_bytes().replace(b"index 0", b"index 1"))
    assert run("audit", "check-proof", path.name, "--key", vkey).exit_code == 1
    assert run("audit", "check-proof", "missing", "--key", vkey).exit_code == 3


def test_an_event_that_is_not_there_cannot_be_proven(folder: Path, run: Run) -> None:
    assert run("audit", "prove", "c9-9").exit_code == 1


def test_a_key_is_made_once(tmp_path: Path, run: Run) -> None:
    run("init")
    assert run("audit", "keygen").exit_code == 0
    assert (tmp_path / "audit.key").stat().st_mode & 0o777 == 0o600
    assert "exists" in run("audit", "keygen").output
    assert run("audit", "keygen", "other.key").exit_code == 0


def test_a_malformed_verifier_key_is_a_usage_error(folder: Path, run: Run) -> None:
    assert run("audit", "verify", "--key", "a+b+c").exit_code == 2
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert "no verifier key of the log" in run("audit", "verify", "--key", other).output


def test_one_head_over_all_logs_is_published(folder: Path, run: Run) -> None:
    assert "/heads: 1 checkpoints of 1 logs" in run("audit", "heads").output
    assert (folder / "audit" / "heads" / "checkpoint").exists()
    assert "1 checkpoints" in run("audit", "heads").output
    assert run("audit", "verify").exit_code == 0


def test_a_text_is_struck_out_only_of_a_closed_segment(folder: Path, run: Run) -> None:
    assert "still written to" in run("audit", "redact", "c1-1", "--reason", "no").output
    assert run("audit", "redact", "c9-9", "--reason", "no").exit_code == 1


def test_a_hold_is_placed_listed_and_lifted(folder: Path, run: Run) -> None:
    placed = run("audit", "hold", "case-7", "--reason", "litigation", "--from", "2026-01-01", "--to", "2026-04-01")
    assert placed.output == "`case-7` keeps what was recorded from 2026-01-01 to 2026-04-01\n"
    assert "litigation" in run("audit", "holds").output
    assert "nothing to remove" in run("audit", "prune", "--keep", "400d").output
    assert run("audit", "release", "case-7").exit_code == 0
    assert run("audit", "release", "case-7").exit_code == 1
    assert run("audit", "prune", "--keep", "forever").exit_code == 2


def test_a_report_is_written_with_its_proofs(folder: Path, run: Run) -> None:
    written = run("report", "gdpr", "--from", "2026-01-01", "-o", "r.html")
    assert written.exit_code == 0, written.output
    assert "user:alice" in (folder / "r.html").read_text()
    assert (folder / "r.evidence" / "proofs" / "c1-1-statement-asked.tlog-proof").exists()
    assert run("report", "soc2", "--from", "once").exit_code == 2
    path = folder / "audit" / "audit-000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"alice", b"olice"))
    assert run("report", "soc2").exit_code == 1


def test_a_closed_segment_is_sealed_and_erased(folder: Path, run: Run) -> None:
    assert "every closed segment is sealed" in run("audit", "seal").output
    assert "segment 1 is not closed" in run("audit", "erase", "--segment", "1", "--reason", "no").output
    log, notary, _ = open_log(Audit(path=folder / "audit", signing_key=folder / "audit.key", segment_bytes=1))
    log.append(encode(asked(5, "alice")))
    log.flush()
    notary.advance(*log.position)
    log.close()
    assert "compressed and encrypted to" in run("audit", "seal", "--sealing-key", "sealing.key").output
    assert "audit-000001.jsonl.zst" in {path.name for path in (folder / "audit").iterdir()}
    assert [json.loads(line)["id"] for line in run("audit", "tail", "-n", "9", "--json").stdout.splitlines()][
        -1
    ] == "c1-5"
    done = run("audit", "erase", "--segment", "1", "--reason", "asked for by its subject")
    assert "segment 1 is erased: events 0 to 2, and their key" in done.output
    verified = run("audit", "verify")
    assert verified.exit_code == 0
    assert "(asked for by its subject); its leaves are here" in verified.output
    assert run("audit", "erase", "--segment", "7", "--reason", "no").exit_code == 1


@pytest.mark.parametrize("page", ["report.html", "report.pdf"])
def test_a_report_is_verified_by_its_folder_or_its_page_without_the_log(folder: Path, run: Run, page: str) -> None:
    shutil.rmtree(folder / "audit")
    _log(folder, asked(1, "alice"), done(1), asked(3, "alice", "refuse"))
    assert run("report", "soc2", "--from", "2026-01-01", "-o", page).exit_code == 0
    vkey = run("audit", "key").stdout.strip()
    shutil.rmtree(folder / "audit")
    (folder / "sluice.yaml").unlink()
    for named in ("report.evidence", page):
        found = json.loads(run("audit", "verify", named, "--key", vkey, "--json").stdout)
        assert found["problems"] == []
        assert (found["holds"], found["events"] > 0, found["notes"]) == (True, True, [])
    assert "hold them against those that you got another way" in " ".join(run("audit", "verify", page).output.split())
    assert run("audit", "verify", page, "--against", page).exit_code == 2
    (folder / page).write_bytes(b"other")
    changed = run("audit", "verify", "report.evidence")
    assert changed.exit_code == 1
    assert f"`{page}` is not the page that was written" in changed.output
    assert run("audit", "verify", "missing").exit_code != 0


def test_a_folder_that_is_no_bundle_is_said_to_be_none(folder: Path, run: Run) -> None:
    verified = run("audit", "verify", "audit")
    assert verified.exit_code == 3
    assert "is not the evidence of a report" in verified.output
