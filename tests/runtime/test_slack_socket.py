"""Slack's Socket Mode against a WebSocket server that speaks it: hello, envelopes, acknowledgements, disconnections."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from listening import Receiver
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from yard import UPDATE, Asking, Yard, asked_for, opened, refused

from sluice.testing.postgres import PostgresServer


@dataclass(slots=True)
class Slack:
    """A server of Slack's side. `connected` has every connection that was made, `acknowledged` what was."""

    http: Receiver
    connected: queue.Queue[ServerConnection] = field(default_factory=queue.Queue)
    acknowledged: queue.Queue[str] = field(default_factory=queue.Queue)
    sent: int = 0

    def hold(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        self.connected.put(connection)
        try:
            for message in connection:
                self.acknowledged.put(json.loads(message)["envelope_id"])
        except ConnectionClosed:
            pass

    def press(
        self, connection: ServerConnection, request: str, verdict: str, user: str = "U1", envelope: str = ""
    ) -> str:
        """A button pressed, as Slack sends it; the envelope's id."""
        self.sent += 1
        name = envelope or f"e-{self.sent}"
        payload = {
            "type": "block_actions", "user": {"id": user}, "response_url": f"{self.http.url}/reply",
            "actions": [{"action_id": f"sluice-{verdict}", "value": request}],
            "state": {"values": {"sluice-reason": {"reason": {"value": "seen"}}}},
        }  # fmt: skip
        connection.send(json.dumps({"envelope_id": name, "type": "interactive", "payload": payload}))
        return name

    def reply(self) -> str:
        while True:
            heard = self.http.next()
            if heard.path == "/reply":
                return str(json.loads(heard.body)["text"])


@pytest.fixture(scope="module")
def slack() -> Iterator[Slack]:
    made = Slack(Receiver())
    with serve(made.hold, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/link?ticket=made-up"
        made.http.answer = json.dumps({"ok": True, "url": url}).encode()
        with made.http:
            yield made
        server.shutdown()


@pytest.fixture(scope="module")
def yard(postgres: PostgresServer, slack: Slack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("socket")
    (folder / "token").write_text("xapp-made-up")
    (folder / "token").chmod(0o600)
    more = f"  slack: {{channel: C1, token: {{file: token}}, app_token: {{file: token}}, api: '{slack.http.url}', people: {{U1: lena}}}}\n"
    with opened(postgres, folder, more=more) as found:
        yield found


def test_a_button_comes_by_slack_s_own_connection_and_the_next_one_by_the_next(yard: Yard, slack: Slack):
    connection = slack.connected.get(timeout=30)
    opening = next(heard for heard in iter(slack.http.next, None) if heard.path == "/apps.connections.open")
    assert opening.headers["authorization"] == "Bearer xapp-made-up"
    asking = Asking(yard, lambda one: one.execute(UPDATE).rowcount)
    request = yard.open().id
    connection.send("no envelope")
    connection.send(json.dumps({"envelope_id": "e-other", "type": "events_api", "payload": {}}))
    connection.send(
        json.dumps(
            {"envelope_id": "e-broken", "type": "interactive", "payload": {"type": "block_actions", "actions": [7]}}
        )
    )
    name = slack.press(connection, request, "approve")
    assert asking.end().result == 1
    assert [slack.acknowledged.get(timeout=20) for _ in range(3)] == ["e-other", "e-broken", name]
    assert slack.reply() == f"{request} is approved"
    event = yard.gateway.event(lambda one: one["event"] == "request-answered")
    assert (event["by"]["name"], event["channel"]) == ("lena", "slack")
    # Slack ends a connection in good order, or it breaks: the next button comes by another one.
    connection.send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
    slack.connected.get(timeout=30).socket.shutdown(socket.SHUT_RDWR)
    last = slack.connected.get(timeout=30)
    request = asked_for(refused(yard, "update stock set n = 7 where id = 9", approval="error"))
    slack.press(last, request, "deny", "U9")
    assert "does not know who you are" in slack.reply()
    slack.press(last, request, "deny", envelope="e-twice")
    assert slack.reply() == f"{request} is denied"
    slack.press(last, request, "deny", envelope="e-twice")
    assert "is not open any more" in slack.reply()


def test_what_slack_did_not_sign_is_not_even_there_without_a_secret(yard: Yard):
    assert yard.gateway.fetch("/v1/slack/interactions")[0] in (404, 405)
