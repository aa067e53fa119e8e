"""What was sent and is not answered yet."""

from __future__ import annotations

from test_lane import CLIENTS, Play

from sluice.engines.postgres.engine import POSTGRES
from sluice.session.events import ClientBytes
from sluice.session.flights import Flight, Kind


def test_a_query_is_under_way_until_it_is_answered() -> None:
    play = Play(POSTGRES)
    play.happens(ClientBytes(CLIENTS[0](1), 2.0))
    (flight,) = play.session._state.flights
    assert flight.kind is Kind.QUERY and flight.ends_pipeline
    assert flight.run is flight.runs[0] and not flight.run.over


def test_past_its_last_statement_a_flight_runs_nothing() -> None:
    flight = Flight(Kind.SYNC)
    assert flight.run is None


def test_a_statement_that_found_nothing_tells_of_nothing() -> None:
    play = Play(POSTGRES)
    play.happens(ClientBytes(CLIENTS[0](1), 2.0))
    run = play.session._state.flights[0].runs[0]
    assert run.told() == ()
    run.found[(0, "", "email")] = [3, 1]
    (told,) = run.told()
    assert (told.output, told.values, told.shown) == (0, 3, False)
