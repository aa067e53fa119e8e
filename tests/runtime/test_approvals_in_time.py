"""How long a held statement waits, and how long its request can be answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from yard import UPDATE, Asking, Yard, opened

from sluice.edges.approvals.requests import DeskError
from sluice.testing.postgres import PostgresServer


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def yard(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
    """One where people wait for a second, and requests are open for long."""
    folder, shared = tmp_path_factory.mktemp("hasty"), request.param == "postgres"
    with opened(postgres, folder, shared=shared, more="  wait: 1\n  open: 600\n") as found:
        yield found


def test_a_client_waits_so_long_and_then_hears_how_to_run_it_again_once_it_is_approved(yard: Yard) -> None:
    asking = Asking(yard, lambda connection: connection.execute(UPDATE))
    request = yard.open()
    error = asking.end().error
    assert error is not None
    assert (error.sqlstate, "nobody has answered yet" in (error.diag.message_detail or "")) == ("42501", True)
    assert request.id in (error.diag.message_hint or "")
    assert yard.open().id == request.id
    yard.vote(request.id)
    with yard.connect() as connection:
        assert connection.execute(UPDATE).rowcount == 1
    assert yard.n() == 1


def test_a_request_that_nobody_answered_expires_and_whoever_waits_is_told(yard: Yard) -> None:
    path: Path = yard.gateway.config
    yard.gateway.write(
        "sluice.yaml", path.read_text().replace("wait: 1\n", "wait: 60\n").replace("open: 600", "open: 2")
    )
    path.chmod(0o600)
    yard.gateway.event(lambda one: one["event"] == "config-reloaded")
    asking = Asking(yard, lambda connection: connection.execute(UPDATE))
    request = yard.open()
    error = asking.end().error
    assert error is not None
    assert "nobody answered in time" in (error.diag.message_detail or "")
    with pytest.raises(DeskError, match="it is expired"):
        yard.vote(request.id)
    closed = yard.gateway.event(lambda one: one["event"] == "request-closed" and one["request"] == request.id)
    assert (closed["outcome"], yard.n()) == ("expired", 1)
