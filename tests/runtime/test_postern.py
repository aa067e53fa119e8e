"""The admin port serves whoever asks, and waits for nobody."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from sluice.runtime import postern
from sluice.runtime.api.http import BODY_BYTES, HEAD_BYTES, Answer, HttpRequest
from sluice.runtime.postern import Postern


async def _nothing(_: HttpRequest) -> Answer:
    return Answer(404)


async def _heard(*said: bytes) -> list[bytes]:
    """What each of these hears on a connection of its own, all at once."""
    server = Postern(CollectorRegistry(), lambda: "", lambda: "not yet", _nothing)
    port = await server.open("127.0.0.1", 0)

    async def ask(text: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(text)
        try:
            return await asyncio.wait_for(reader.read(), 20)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    found = await asyncio.gather(*map(ask, said))
    server.close()
    return list(found)


@pytest.mark.parametrize(
    "slow",
    [b"", b"GET /healthz HTTP/1.1\r\n", b"POST /v1/x HTTP/1.1\r\ncontent-length: 5\r\n\r\nab", b"x" * (HEAD_BYTES + 1)],
)
def test_who_does_not_come_to_an_end_is_let_go_and_holds_up_nobody(
    slow: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postern, "SECONDS", 0.3)
    left, served, unready = asyncio.run(_heard(slow, b"GET /healthz HTTP/1.1\r\n\r\n", b"GET /readyz HTTP/1.1\r\n\r\n"))
    assert left == b""
    assert served.startswith(b"HTTP/1.1 200 OK\r\n")
    assert unready.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


def test_a_body_of_the_longest_length_is_taken_and_a_longer_one_is_not() -> None:
    ask = b"POST /v1/x HTTP/1.1\r\ncontent-length: %d\r\n\r\n"
    whole, more = asyncio.run(_heard(ask % BODY_BYTES + b"x" * BODY_BYTES, ask % (BODY_BYTES + 1)))
    assert (whole.split()[1], more.split()[1]) == (b"404", b"413")
