"""Prepared parts joined are the event itself, encoded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.audit.encode import encode, stamp
from sluice.audit.events import (
    Caller,
    Duties,
    Landed,
    Peer,
    Reach,
    Refused,
    Shaping,
    Shown,
    StatementAsked,
    StatementDone,
    Touched,
    decode,
)
from sluice.audit.redact import Wording
from sluice.audit.template import Head, StatementTemplate, done, unread
from sluice.model.columns import ColumnRef, TableRef
from sluice.model.decision import Decision, Mask, Obligations, Refusal
from sluice.model.identity import Client, Identity
from sluice.sql.span import Confidence, Flow, Output, Span, Touch, Use, Write

EMAIL = ColumnRef("public", "customers", "email")
CITY = ColumnRef("public", "customers", "city")
AGENT = Identity(
    "agent", "trainer", frozenset({"b", "a"}), (("sub", "secret claim"),), "jwt", on_behalf_of=Identity("user", "u1")
)
HEAD = Head("k3x9", "shop", "production", AGENT, 'tic"ket%s', Client("127.0.0.1:1", "psql\n", True))
SPAN = Span(
    "select",
    "read",
    Confidence.EXACT,
    outputs=(
        Output("email", frozenset({Flow(EMAIL, "value")}), EMAIL),
        Output("n", frozenset({Flow(CITY, "aggregate")})),
    ),
    tables=(Touch(TableRef("public", "customers"), "read"),),
    uses=frozenset({Use(EMAIL, "lookup"), Use(CITY, "filter")}),
    writes=(Write(CITY, frozenset({Flow(EMAIL, "value")}), opaque=True),),
    functions=frozenset({"public.f"}),
    reasons=("because",),
)
MASK = Mask("partial", (("keep_last", "4"),), ("pii.email",))
DECISION = Decision(
    "allow", ("p1", "p2"), (MASK, None), Obligations(10, 500, True), None, ("pii.city",), ("pii.email",)
)
OWN = Wording(None, "", "select $1", "abc123")


def labels_of(column: ColumnRef) -> frozenset[str]:
    return frozenset({"pii.email"}) if column == EMAIL else frozenset()


def _asked(line: bytes) -> StatementAsked:
    event = decode(line)
    assert isinstance(event, StatementAsked)
    return event


def _expected(text: str) -> StatementAsked:
    return StatementAsked(
        id="k3x9-7",
        seq=7,
        time=stamp(12.5),
        connection="k3x9",
        source="shop",
        environment="production",
        identity=Caller("agent", "trainer", ("a", "b"), "jwt", Caller("user", "u1", (), "none")),
        purpose='tic"ket%s',
        client=Peer("127.0.0.1:1", "psql\n", True),
        step="run",
        text=text,
        withheld="",
        normalized="select $1",
        fingerprint="abc123",
        verb="select",
        confidence="exact",
        reasons=("because",),
        actions=("read",),
        tables=(Touched("public.customers", "read"),),
        functions=("public.f",),
        outputs=(
            Shown(
                "email",
                "partial",
                {"keep_last": "4"},
                ("pii.email",),
                (Reach("public.customers.email", "value", ("pii.email",)),),
            ),
            Shown("n", "clear", {}, (), (Reach("public.customers.city", "aggregate"),)),
        ),
        uses=(Shaping("public.customers.city", "filter"), Shaping("public.customers.email", "lookup", ("pii.email",))),
        writes=(Landed("public.customers.city", (Reach("public.customers.email", "value", ("pii.email",)),), True),),
        outcome="allow",
        policies=("p1", "p2"),
        revealed=("pii.city",),
        hidden=("pii.email",),
        obligations=Duties(10, 500, True),
        refusal=None,
        snapshot=41,
    )


def test_a_joined_record_is_byte_for_byte_the_encoded_event() -> None:
    template = StatementTemplate(SPAN, DECISION, OWN, labels_of, 41)
    line = template.asked(HEAD, HEAD.event_id(7), 7, 12.5, b"select 'x'")
    assert line == encode(_expected("select 'x'"))


@given(st.binary(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_text_purpose_and_client_stay_within_their_line(text: bytes, purpose: str, application: str) -> None:
    head = Head("c", "shop", "dev", AGENT, purpose, Client("local", application))
    line = StatementTemplate(SPAN, DECISION, OWN, labels_of, 1).asked(head, "c-1", 1, 0.0, text)
    assert line.count(b"\n") == 1
    event = _asked(line)
    assert (event.purpose, event.client.application, event.outcome) == (purpose, application, "allow")


def test_a_withheld_text_replaces_the_one_that_was_sent() -> None:
    template = StatementTemplate(SPAN, DECISION, Wording("select $1", "literals", "select $1", "f"), labels_of, 1)
    event = _asked(template.asked(HEAD, "k3x9-1", 1, 0.0, b"select 'canary'", "prepare"))
    assert (event.text, event.withheld, event.step) == ("select $1", "literals", "prepare")


def test_a_refused_decision_carries_the_words_the_caller_read() -> None:
    refused = replace(
        DECISION, outcome="refuse", masks=None, refusal=Refusal("`email` may not be filtered", "policy p1", "ask")
    )
    event = _asked(StatementTemplate(SPAN, refused, OWN, labels_of, 1).asked(HEAD, "k3x9-1", 1, 0.0, b""))
    assert event.outcome == "refuse"
    assert event.refusal == Refused("42501", "`email` may not be filtered", "policy p1")
    assert event.outputs is not None
    assert [shown.mask for shown in event.outputs] == ["withheld", "withheld"]


def test_an_allowed_statement_that_is_refused_after_all_says_so() -> None:
    template = StatementTemplate(SPAN, DECISION, OWN, labels_of, 1)
    event = _asked(template.refused(HEAD, "k3x9-1", 1, 0.0, b"x", Refusal("columns differ")))
    assert (event.outcome, event.refusal, event.verb) == ("refuse", Refused("42501", "columns differ"), "select")


def test_what_was_never_understood_is_recorded_as_refused_without_its_text() -> None:
    event = _asked(unread(9).refused(HEAD, "k3x9-1", 1, 0.0, b"'canary'", Refusal("no", code="26000")))
    assert (event.text, event.withheld, event.outcome, event.snapshot) == ("", "unread", "refuse", 9)


def test_claims_never_reach_the_log() -> None:
    line = StatementTemplate(SPAN, DECISION, OWN, labels_of, 1).asked(HEAD, "k3x9-1", 1, 0.0, b"")
    assert b"secret claim" not in line


@pytest.mark.parametrize("connection", ["", 'a"', "a\n", "a" * 65, "a b", "é"])
def test_an_id_that_could_break_a_line_is_not_taken(connection: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        Head(connection, "shop", "dev", AGENT, "", Client("local"))


def test_a_completion_names_its_statement_and_counts_what_was_hidden() -> None:
    line = done(
        "k3x9-7", 8, 13.0, "failed", started=12.5, rows=3, size=99, masked=[3, 0], error="22P02", tag="SELECT 3"
    )
    assert decode(line) == StatementDone(
        "k3x9-7", 8, stamp(13.0), "failed", 3, 99, (3, 0), 500_000, "22P02", "SELECT 3"
    )


def test_a_clock_that_jumps_back_gives_no_negative_duration() -> None:
    event = decode(done("k3x9-7", 8, 10.0, "lost", started=12.5))
    assert isinstance(event, StatementDone)
    assert event.duration_us == 0
