"""A gateway at work signs its log behind the statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.audit.note import Signer
from sluice.edges.evidence.keys import load_key
from sluice.edges.evidence.opening import begun_as
from sluice.edges.evidence.verify import Report, verify

if TYPE_CHECKING:
    from conftest import Shop


def test_what_a_gateway_recorded_is_signed_soon_and_holds(gateway: Shop) -> None:
    running = gateway.gateway
    with gateway.connect("sam", "ticket") as connection:
        connection.execute("select email from customers where id = 7").fetchall()

    def report() -> Report:
        key = load_key(running.folder / "audit.key")
        return verify(running.audit, Signer(begun_as(running.audit) or "", key).verifier)

    running.until(lambda: begun_as(running.audit) is not None, "a checkpoint")
    running.until(lambda: report().events == report().signed > 3, "all events signed")
    assert report().problems == []
