"""What Sluice itself says: laid out as the protocol wants it, and nothing in it that could carry a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import frame, heard, steady

from sluice.engines.postgres import speak
from sluice.engines.postgres.downstream import Downstream
from sluice.engines.postgres.upstream import Upstream
from sluice.model.decision import Refusal
from sluice.model.waist import Bind, CloseName, Describe, Execute, Failed, Flush, Notice, Prepare, Query, Ready, Sync

TEXTS = st.text(max_size=12)


@pytest.mark.parametrize(("end", "last"), [(speak.SYNC, Sync), (speak.FLUSH, Flush)])
def test_an_own_statement_is_a_pipeline_that_leaves_nothing_behind(end: bytes, last: type) -> None:
    said = Downstream(1 << 16).feed(speak.own_statement("select current_user", end))
    assert [type(event) for event in said] == [Prepare, Bind, Execute, CloseName, CloseName, last]
    assert isinstance(said[0], Prepare)
    assert said[0].text == b"select current_user"
    assert {event.name for event in said if isinstance(event, CloseName)} == {said[0].name}
    assert {event.kind for event in said if isinstance(event, CloseName)} == {"S", "P"}


def test_a_poison_is_one_statement_that_no_server_runs() -> None:
    (query,) = Downstream(1 << 16).feed(speak.POISON_QUERY)
    (prepare,) = Downstream(1 << 16).feed(speak.POISON_PREPARE)
    assert isinstance(query, Query)
    assert isinstance(prepare, Prepare)
    assert query.text == prepare.text
    assert prepare.name == ""


def test_a_portal_is_described_by_the_bytes_of_its_name() -> None:
    (said,) = Downstream(1 << 16).feed(speak.describe_portal("caf\udce9"))
    assert said == Describe(frame("D", b"Pcaf\xe9\0"), "P", "caf\udce9")


@pytest.mark.parametrize("status", "ITE")
def test_ready_is_said_with_its_status(status: str) -> None:
    assert heard(Upstream(99).feed, [speak.ready(status)]) == [Ready(frame("Z", status.encode()), status)]


@steady(100)
@given(
    st.builds(Refusal, TEXTS, TEXTS, TEXTS, st.sampled_from(["42501", "57014"])),
    st.sampled_from(["ERROR", "FATAL", "WARNING"]),
)
def test_a_refusal_is_one_message_whatever_its_words(refusal: Refusal, severity: str) -> None:
    (said,) = Upstream(1 << 16).feed(speak.report(refusal, severity))
    assert isinstance(said, Notice if severity == "WARNING" else Failed)
    assert (said.fields["S"], said.fields["V"], said.fields["C"]) == (severity, severity, refusal.code)
    assert said.fields.get("M", "") == refusal.message.replace("\0", "").encode("utf-8", "replace").decode()


CANARY = "900-10-1234"


@steady(100)
@given(
    kind=st.sampled_from("EN"),
    letters=st.sets(st.sampled_from("SVCMDHPpqWstcdnFLRxyz")),
    code=st.sampled_from(["22P02", "23505", "P0001", "01000", "ZZ999", "X"]),
)
def test_no_text_of_a_withheld_error_passes(kind: str, letters: set[str], code: str) -> None:
    names = {letter: "a_name" if letter in "SVCstcdnFLR" else f"value {CANARY}" for letter in sorted(letters)} | {
        "C": code
    }
    raw = frame(kind, b"".join(letter.encode() + text.encode() + b"\0" for letter, text in names.items()) + b"\0")
    shown = speak.withhold(raw, names)
    assert CANARY.encode() not in shown
    (said,) = Upstream(1 << 16).feed(shown)
    assert shown[:1] == raw[:1]
    assert isinstance(said, Failed | Notice)
    assert said.fields["C"] == code
    assert "withheld" in said.fields["M"]
    assert {letter for letter in said.fields if letter not in "MH"} == {
        letter for letter in names if letter in "SVCstcdnFLR"
    }
