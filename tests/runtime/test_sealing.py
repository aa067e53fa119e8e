"""What a gateway has closed of its log is sealed behind its back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg

from sluice.audit.note import Signer
from sluice.edges.evidence.keys import load_key
from sluice.edges.evidence.opening import begun_as
from sluice.edges.evidence.verify import verify
from sluice.runtime.sealing import Sealing
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

POLICY = """
@id("all-connect") permit (principal, action == Action::"connect", resource);
@id("all-read") permit (principal, action in Action::"read", resource);
"""


def test_segments_of_a_running_gateway_are_sealed_and_read_as_before(postgres: PostgresServer, tmp_path: Path) -> None:
    config = (
        f"sources: {{base: {{host: 127.0.0.1, port: {postgres.port}, environment: staging, user: postgres, "
        f'database: postgres}}}}\nusers: {{ada: {{groups: [club], scram: "{verifier("pw")}"}}}}\n'
        "masking: {key: {file: masking.key}}\naudit: {segment_bytes: 3000, sealing_key: sealing.key}\n"
    )
    files = {"policies/all.cedar": POLICY, "labels.yaml": "labels: {pii: redact}\n"}
    with RunningGateway(tmp_path, config, files=files) as running:
        with psycopg.connect(running.dsn("ada", "pw", "base")) as connection:
            for n in range(40):
                connection.execute("select %s::int", (n,))
        running.until(lambda: len(list(running.audit.glob("*.zst"))) >= 2, "segments to be sealed")
    kinds = [event["event"] for event in running.events()]
    assert (kinds[0], kinds[-1]) == ("gateway-started", "gateway-stopped")
    assert kinds.count("statement-asked") >= 40
    known = Signer(begun_as(running.audit) or "", load_key(running.folder / "audit.key")).verifier
    report = verify(running.audit, known)
    assert (report.problems, report.notes) == ([], [])
    assert report.events == len(kinds)


def test_what_cannot_be_sealed_is_counted_and_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "closed.jsonl").write_text("?\n")
    sealing = Sealing(tmp_path, None)

    async def keep() -> None:
        await sealing.keep(1)
        await sealing.keep(1)

    asyncio.run(keep())
    assert sealing.failures == 1
