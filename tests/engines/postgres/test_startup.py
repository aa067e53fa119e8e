from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.engines.postgres import startup
from sluice.engines.postgres.startup import BadPacket, CancelRequest, Startup


def packet(code: int, body: bytes) -> bytes:
    return struct.pack("!iI", len(body) + 8, code) + body


def read(data: bytes) -> Startup | CancelRequest | BadPacket:
    found = startup.first_packet(data)
    assert found is not None
    return found[0]


def test_a_startup_packet_is_read_with_its_parameters_and_its_length():
    data = startup.opening({"user": "support", "database": "shop"})
    assert startup.first_packet(data + b"more") == (
        Startup(startup.PROTOCOL_3_0, {"user": "support", "database": "shop"}),
        len(data),
    )


@pytest.mark.parametrize("cut", range(20))
def test_a_packet_that_is_not_whole_is_waited_for(cut):
    assert startup.first_packet(startup.opening({"user": "support"})[:cut]) is None


@pytest.mark.parametrize("length", [0, 4, 7, startup.LONGEST + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_impossible_length_is_refused_before_anything_is_waited_for(length):
    assert isinstance(read(length.to_bytes(4, "big")), BadPacket)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"user\0support\0",
        b"user\0support",
        b"user\0\0x\0",
        b"user\0a\0extra\0\0",
        b"\0user\0a\0\0",
        b"us\xffer\0a\0\0",
        b"user\0a\0\0hidden\0b\0\0",
        b"\0\0",
    ],
)
def test_a_packet_that_breaks_its_layout_is_bad(body):
    assert isinstance(read(packet(startup.PROTOCOL_3_0, body)), BadPacket)


def test_an_empty_value_is_a_value():
    assert read(packet(startup.PROTOCOL_3_0, b"user\0\0\0")) == Startup(startup.PROTOCOL_3_0, {"user": ""})


def test_another_major_version_is_refused_with_the_server_s_code():
    assert read(packet(2 << 16, b"x\0")) == BadPacket("protocol 2.0 is not spoken here, only 3.0 to 3.2", "0A000")


@pytest.mark.parametrize("code", [startup.SSL_REQUEST, startup.GSS_REQUEST])
def test_an_encryption_request_after_the_beginning_is_bad(code):
    assert isinstance(read(packet(code, b"")), BadPacket)


@pytest.mark.parametrize("size", [4, 32, 256])
def test_a_cancel_request_carries_a_key_of_any_length_the_protocol_allows(size):
    secret = bytes(range(256))[:size]
    assert read(startup.cancel(4_000_000_000, secret)) == CancelRequest(4_000_000_000, secret)


@pytest.mark.parametrize("size", [0, 3, 257])
def test_a_cancel_key_of_another_length_is_bad(size):
    assert isinstance(read(startup.cancel(7, b"k" * size)), BadPacket)


def test_no_repr_shows_a_cancel_key():
    assert "sesame" not in repr(read(startup.cancel(7, b"sesame")))


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(data):
    found = startup.first_packet(data)
    assert found is None or 0 < found[1] <= len(data)


@given(st.binary(max_size=300))
def test_no_body_makes_the_reader_raise(body):
    for code in (startup.PROTOCOL_3_0, startup.CANCEL_REQUEST):
        found = startup.first_packet(packet(code, body))
        assert found is not None
        assert found[1] == len(body) + 8


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", []),
        ("-c work_mem=4MB", [("work_mem", "4MB")]),
        ("-cwork_mem=4MB", [("work_mem", "4MB")]),
        ("--work-mem=4MB", [("work_mem", "4MB")]),
        ("-c  geqo=off\t-c Search_Path=a,b", [("geqo", "off"), ("search_path", "a,b")]),
        (r"-c search_path=a\ b", [("search_path", "a b")]),
        (r"-c a.b=c\\d", [("a.b", "c\\d")]),
        ("-c a=b=c", [("a", "b=c")]),
        ("-c a=b\u00a0c", [("a", "b\u00a0c")]),
        ("-c a=", [("a", "")]),
    ],
)
def test_options_are_read_as_the_server_reads_them(text, settings):
    assert startup.options(text) == settings


@pytest.mark.parametrize("text", ["-d 5", "-c", "-c role", "--", "-F", "role=x", "-c a=b -W 3", "\\"])
def test_options_that_are_no_settings_are_not_understood(text):
    assert startup.options(text) is None


@given(st.text(max_size=80))
def test_no_options_make_the_reader_raise(text):
    found = startup.options(text)
    assert found is None or all(isinstance(name, str) for name, _ in found)


def test_a_zero_byte_cannot_smuggle_a_parameter_into_a_startup_packet():
    with pytest.raises(ValueError, match="zero byte"):
        startup.opening({"user": "gateway", "application_name": "x\0user\0postgres"})


def test_what_the_gateway_says_has_the_layout_of_the_protocol():
    assert startup.negotiate(startup.PROTOCOL_3_2, ["_pq_.a"]) == b"v\0\0\0\x13\0\x03\0\x02\0\0\0\x01_pq_.a\0"
    assert startup.authentication(10, b"X\0\0") == b"R\0\0\0\x0b\0\0\0\x0aX\0\0"
    assert startup.parameter("a", "b") == b"S\0\0\0\x08a\0b\0"
    assert startup.key_data(7, b"four") == b"K\0\0\0\x0c\0\0\0\x07four"
