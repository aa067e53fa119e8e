"""Checkpoints reach those who keep them; a cosigner that is shown another log does not sign."""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sluice.audit.note import COSIGNATURE, Checkpoint, NoteError, Signer, Verifier, open_note
from sluice.audit.tree import ProofError, check_consistency
from sluice.edges.config import Witness
from sluice.edges.evidence.witness import WitnessFailed, hand_on, witnessed

from .conftest import Ledger


class Cosigner(HTTPServer):
    """A witness as C2SP tlog-witness has it, for one log; and a webhook at `/hook`."""

    def __init__(self, log: Verifier) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.log = log
        self.signer = Signer("witness.example/w1", Ed25519PrivateKey.generate(), COSIGNATURE)
        self.seen = Checkpoint(log.name, 0, b"")
        self.posted: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, body: bytes) -> tuple[int, bytes]:
        head, _, note = body.partition(b"\n\n")
        old, *lines = head.split(b"\n")
        path = [base64.b64decode(line) for line in lines]
        try:
            new = Checkpoint.parse(open_note(note, (self.log,)).text)
        except NoteError:
            return 403, b""
        if old != b"old %d" % self.seen.size:
            return 409, b"%d\n" % self.seen.size
        try:
            if self.seen.size:
                check_consistency(self.seen.size, self.seen.root, new.size, new.root, path)
        except ProofError:
            return 422, b"no proof"
        self.seen = new
        return 200, self.signer.cosign(new.text(), 1_790_000_000)


class _Handler(BaseHTTPRequestHandler):
    server: Cosigner

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posted.append(body)
        status, said = self.server.answer(body) if self.path == "/w/add-checkpoint" else (200, b"")
        if self.path == "/broken":
            status = 500
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def cosigner(ledger: Ledger) -> Iterator[Cosigner]:
    server = Cosigner(ledger.notary.verifier)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _witness(cosigner: Cosigner) -> Witness:
    return Witness(cosigner=f"{cosigner.url}/w", key=str(cosigner.signer.verifier))


def test_a_cosigner_signs_each_checkpoint_that_continues_the_one_before(ledger: Ledger, cosigner: Cosigner) -> None:
    for count in (3, 300, 1, 700):
        ledger.write(count)
        hand_on(ledger.folder, ledger.notary.verifier, _witness(cosigner))
        known = (ledger.notary.verifier, cosigner.signer.verifier)
        opened = open_note(witnessed(ledger.folder), known)
        assert (Checkpoint.parse(opened.text), opened.by) == (ledger.notary.signed, known)
    assert cosigner.seen.size == ledger.count
    hand_on(ledger.folder, ledger.notary.verifier, _witness(cosigner))


def test_a_cosigner_that_saw_another_size_is_shown_the_way_from_there(ledger: Ledger, cosigner: Cosigner) -> None:
    ledger.write(300)
    hand_on(ledger.folder, ledger.notary.verifier, _witness(cosigner))
    for size in ledger.folder.glob("witness-*.size"):
        size.unlink()
    ledger.write(5)
    hand_on(ledger.folder, ledger.notary.verifier, _witness(cosigner))
    assert cosigner.seen.size == 305
    assert cosigner.posted[-1].startswith(b"old 300\n")


def test_a_log_that_was_put_back_is_not_cosigned(
    ledger: Ledger, cosigner: Cosigner, begin: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger.write(10)
    old = tmp_path / "old"
    shutil.copytree(ledger.folder, old)
    ledger.write(10)
    hand_on(ledger.folder, ledger.notary.verifier, _witness(cosigner))
    with pytest.raises(WitnessFailed, match="has seen 20 events of this log, which has 10"):
        hand_on(old, ledger.notary.verifier, _witness(cosigner))


def test_an_answer_that_the_cosigner_did_not_sign_is_not_kept(ledger: Ledger, cosigner: Cosigner) -> None:
    ledger.write(1)
    other = Signer("witness.example/w1", Ed25519PrivateKey.generate(), COSIGNATURE).verifier
    with pytest.raises(WitnessFailed):
        hand_on(ledger.folder, ledger.notary.verifier, Witness(cosigner=f"{cosigner.url}/w", key=str(other)))
    assert witnessed(ledger.folder) == b""


def test_a_file_elsewhere_and_a_webhook_get_the_checkpoint(ledger: Ledger, cosigner: Cosigner, tmp_path: Path) -> None:
    ledger.write(4)
    note = (ledger.folder / "checkpoint").read_bytes()
    hand_on(ledger.folder, ledger.notary.verifier, Witness(file=tmp_path / "elsewhere"))
    hand_on(ledger.folder, ledger.notary.verifier, Witness(tiles=tmp_path / "tiles"))
    assert (tmp_path / "tiles/checkpoint").read_bytes() == (ledger.folder / "checkpoint").read_bytes()
    hand_on(ledger.folder, ledger.notary.verifier, Witness(webhook=f"{cosigner.url}/hook"))
    assert (tmp_path / "elsewhere").read_bytes() == note
    assert cosigner.posted == [note]


def test_a_witness_that_does_not_answer_well_is_named(ledger: Ledger, cosigner: Cosigner, tmp_path: Path) -> None:
    ledger.write(1)
    with pytest.raises(WitnessFailed, match="answered with 500"):
        hand_on(ledger.folder, ledger.notary.verifier, Witness(webhook=f"{cosigner.url}/broken"))
    with pytest.raises(WitnessFailed, match="did not take the checkpoint"):
        hand_on(ledger.folder, ledger.notary.verifier, Witness(webhook="http://127.0.0.1:1/"))
