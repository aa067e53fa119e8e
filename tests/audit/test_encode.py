"""One event is one line, whatever stands in it."""

from __future__ import annotations

import json as reference
import unicodedata

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.audit.encode import encode, json, stamp
from sluice.audit.events import (
    AuthFailed,
    ConfigRejected,
    Disagreement,
    Disconnected,
    Event,
    GatewayStarted,
    Peer,
    ProtocolBroken,
    decode,
)

# Everything, also what is not valid: lone surrogates, controls, line ends of all kinds.
hostile = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    [
        '\n{"event":"connected"}',
        "\r\n",
        "\u2028",
        "\u2029",
        "\x85",
        "\x0b\x0c\x1c",
        "\x1b[2J",
        "\u202egnp.exe",
        "\x7f",
        "\ud800",
    ]
)


@given(hostile, hostile)
@example('"}\n{"event":"statement-asked","id":"forged', "\u2028")
def test_no_content_can_split_or_forge_a_line(first: str, second: str) -> None:
    line = encode(ProtocolBroken("c-1", 1, stamp(0), "c", first, second))
    text = line.decode()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(text.splitlines()) == 1
    assert not {unicodedata.category(char) for char in text[:-1]} & {"Cc", "Zl", "Zp", "Cs"}
    assert not {unicodedata.bidirectional(char) for char in text} & {
        "RLO",
        "LRO",
        "RLE",
        "LRE",
        "RLI",
        "LRI",
        "FSI",
        "PDI",
    }
    assert isinstance(decode(line), ProtocolBroken)


@given(st.text(max_size=80))
def test_valid_text_comes_back_unchanged(text: str) -> None:
    event = Disconnected("c-2", 2, stamp(0), "c", text)
    assert decode(encode(event)) == event


def test_a_lone_surrogate_is_written_as_an_escape() -> None:
    assert json({"name": ["a\udc80"]}) == rb'{"name":["a\\udc80"]}'


def test_an_astral_character_that_hides_is_written_as_a_pair() -> None:
    assert reference.loads(json("a\U000e0041")) == "a\U000e0041"
    assert json("a\U000e0041") == rb'"a\udb40\udc41"'


@pytest.mark.parametrize(
    "event",
    [
        AuthFailed("g-1", stamp(1), Peer("10.0.0.1:5"), "nobody", "shop", "scram", "unknown user"),
        Disagreement("c-3", 3, stamp(1), "c", "c-2", ("output 1",), "masked"),
        ConfigRejected("g-2", stamp(1), 4, "policies.cedar line 3"),
        GatewayStarted("g-0", stamp(1), "0.1.0", 1, 17, ("audit.durability",)),
    ],
)
def test_every_event_is_read_back_as_itself(event: Event) -> None:
    assert decode(encode(event)) == event


def test_a_line_of_an_unknown_kind_is_not_an_event() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"event":"surprise","id":"c-1"}')


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1.25, "1970-01-01T00:00:01.250000Z"),
        (1790000000.9999996, "2026-09-21T14:13:21.000000Z"),
    ],
)
def test_times_are_utc_to_the_microsecond_and_carry_over(at: float, text: str) -> None:
    assert stamp(at) == text
