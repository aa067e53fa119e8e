"""Requests over the API and by command: who sees what, who may answer, and what is no request at all."""

from __future__ import annotations

import json
import socket

import pytest
from yard import PASSWORD, UPDATE, Yard, asked_for, command, refused


def test_the_commands_show_a_request_to_whom_it_concerns_and_count_their_answer(yard: Yard) -> None:
    request = asked_for(refused(yard, UPDATE, approval="error"))
    for who in ("wim", "lena"):
        assert request in command(yard, who, "approvals", "list").output
        assert UPDATE in command(yard, who, "approvals", "show", request).output
    assert request not in command(yard, "wilma", "approvals", "list").output
    unseen = command(yard, "wilma", "approvals", "show", request)
    assert (unseen.exit_code, "no request" in unseen.output) == (1, True)
    own = command(yard, "wim", "approvals", "approve", request, "--reason", "please")
    assert (own.exit_code, "their own request" in own.output) == (1, True)
    without = command(yard, "lena", "approvals", "approve", request)
    assert (without.exit_code, "needs a reason" in without.output) == (2, True)
    given = command(yard, "lena", "approvals", "approve", request, "--reason", "ticket 7", "--json")
    assert (given.exit_code, json.loads(given.output)["state"]) == (0, "approved")
    late = command(yard, "lars", "approvals", "deny", request, "--reason", "no")
    assert (late.exit_code, "not open any more: it is approved" in late.output) == (1, True)
    event = yard.gateway.event(lambda one: one["event"] == "request-answered" and one["request"] == request)
    assert (event["by"]["name"], event["reason"], event["channel"], event["state"]) == (
        "lena",
        "ticket 7",
        "api",
        "approved",
    )
    taken = command(yard, "wim", "approvals", "withdraw", request)
    assert taken.exit_code == 0
    assert refused(yard, UPDATE, approval="error").sqlstate == "42501"


def test_who_cannot_prove_themselves_learns_nothing(yard: Yard) -> None:
    request = asked_for(refused(yard, UPDATE, approval="error"))
    for who, password in (("lena", "wrong"), ("nobody-at-all", PASSWORD)):
        told = command(yard, who, "approvals", "show", request, password=password)
        assert (told.exit_code, "is not valid" in told.output) == (1, True)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /v1/requests HTTP/1.1\r\n\r\n", 401),
        (b"GET /v1/requests HTTP/1.1\r\nauthorization: Basic !!!\r\n\r\n", 401),
        (b"GET /v1/requests HTTP/1.1\r\nauthorization: Bearer x\r\n\r\n", 401),
        (b"POST /v1/requests/r-1/approve HTTP/1.1\r\ncontent-type: text/plain\r\n\r\n", 415),
        (b"DELETE /v1/requests HTTP/1.1\r\n\r\n", 405),
        (b"GET /v1/other HTTP/1.1\r\n\r\n", 404),
        (b"GET /elsewhere HTTP/1.1\r\n\r\n", 404),
        (b"POST /v1/requests HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"POST /v1/requests HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST /v1/requests HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", 413),
        (b"hello\r\n\r\n", 400),
    ],
)
def test_the_admin_port_reads_strictly(yard: Yard, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", yard.gateway.admin), timeout=20) as connection:
        connection.sendall(sent)
        assert connection.recv(4096).split(b" ")[1] == str(status).encode()
