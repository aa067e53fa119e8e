"""People are told, whatever is down meanwhile, and Slack's buttons answer: a gateway before local servers of each kind."""

from __future__ import annotations

import hmac
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from listening import Letters, Receiver
from sqlalchemy import select, update
from yard import UPDATE, Asking, Yard, asked_for, command, opened, refused

from sluice.edges.store.tables import outbox
from sluice.testing.postgres import PostgresServer

SECRET = b"a signing secret that is only made up"


@dataclass(frozen=True, slots=True)
class Told:
    """A yard whose gateway tells `hook`, `slack` and `letters`."""

    yard: Yard
    hook: Receiver
    slack: Receiver
    letters: Letters

    def press(
        self, request: str, verdict: str, user: str = "U1", *, secret: bytes = SECRET, reason: str = "seen"
    ) -> int:
        """A button pressed in Slack; the status of the gateway's answer."""
        payload = {
            "type": "block_actions", "user": {"id": user}, "response_url": f"{self.slack.url}/reply",
            "actions": [{"action_id": f"sluice-{verdict}", "value": request}],
            "state": {"values": {"sluice-reason": {"reason": {"value": reason}}}},
        }  # fmt: skip
        body, at = urlencode({"payload": json.dumps(payload)}).encode(), str(int(time.time()))
        signature = "v0=" + hmac.new(secret, f"v0:{at}:".encode() + body, "sha256").hexdigest()
        headers = {"x-slack-request-timestamp": at, "x-slack-signature": signature}
        connection = http.client.HTTPConnection("127.0.0.1", self.yard.gateway.admin, timeout=20)
        connection.request("POST", "/v1/slack/interactions", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def reply(self) -> str:
        """What Slack is asked to tell the person who pressed."""
        while True:
            heard = self.slack.next()
            if heard.path == "/reply":
                return str(json.loads(heard.body)["text"])


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def told(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    (folder / "secret").write_bytes(SECRET)
    (folder / "secret").chmod(0o600)
    hook, slack, letters = Receiver(), Receiver(answer=b'{"ok": true}'), Letters()
    more = (
        f"  webhooks: {{ops: {{url: '{hook.url}', secret: {{file: secret}}}}}}\n"
        f"  slack: {{channel: C1, token: {{file: secret}}, signing_secret: {{file: secret}}, api: '{slack.url}',\n"
        "    people: {U1: lena, U2: wim}}\n"
        f"  mail: {{host: 127.0.0.1, port: {letters.port}, starttls: false, sender: s@example.com, to: [lena@example.com]}}\n"
    )
    with opened(postgres, folder, shared=request.param == "postgres", more=more) as yard, slack, letters:
        yield Told(yard, hook, slack, letters)


def test_a_channel_that_is_down_loses_nothing_and_holds_up_no_other(told: Told) -> None:
    request = asked_for(refused(told.yard, UPDATE, approval="error"))
    # The webhook's receiver is not there yet; the others hear at once.
    assert request.encode() in told.letters.next()[2]
    shown = json.dumps(told.slack.next_json())
    assert request in shown
    assert "rows, by plan: 1" in shown
    with told.hook:
        heard = told.hook.next_json()
        assert (heard["type"], heard["data"]["id"]) == ("request-asked", request)  # type: ignore[index]
        assert "digest" not in heard["data"]  # type: ignore[operator]
        command(told.yard, "lena", "approvals", "deny", request, "--reason", "not today")
        answered = told.hook.next_json()
        assert (answered["type"], answered["data"]["state"]) == ("request-answered", "denied")  # type: ignore[index]


def test_channels_that_were_down_get_everything_once_and_in_order_when_they_are_back(told: Told) -> None:
    told.slack.__exit__()
    told.letters.__exit__()
    texts = [f"update stock set n = 5 where id = {number}" for number in range(11, 15)]
    asked = [asked_for(refused(told.yard, text, approval="error")) for text in texts]

    def tried() -> bool:
        waiting = told.yard.store.read(
            lambda c: c.execute(select(outbox.c.channel).where(outbox.c.done_at.is_(None), outbox.c.attempts > 0)).all()
        ).result()
        return {channel for (channel,) in waiting} == {"webhook:ops", "slack", "mail"}

    told.yard.gateway.until(tried, "each channel to be tried in vain")
    told.slack.__enter__()
    told.letters.__enter__()
    with told.hook:
        # How long the pauses between tries grow is another test's; here they are over.
        told.yard.store.write(lambda c: c.execute(update(outbox).values(next_at=0.0)), "outbox").result()
        mailed = heard_of(asked, lambda: told.letters.next()[2])
        posted = heard_of(asked, lambda: told.slack.next().body)
        hooked = heard_of(asked, lambda: told.hook.next().body)
    assert mailed == posted == hooked == asked
    assert told.letters.taken.empty()
    assert told.slack.heard.empty()

    assert told.hook.heard.empty()
    for request in asked:
        told.yard.vote(request, verdict="deny")


def heard_of(asked: list[str], heard: Callable[[], bytes]) -> list[str]:
    """The requests that messages name, in order, until as many came as were asked; what came of earlier tests is left out."""
    found: list[str] = []
    while len(found) < len(asked):
        name = re.findall(r"r-[a-z2-9]{8}", heard().decode())[0]
        found += [name] if name in asked else []
    return found


def test_a_button_in_slack_releases_who_waits(told: Told) -> None:
    asking = Asking(told.yard, lambda connection: connection.execute(UPDATE).rowcount)
    request = told.yard.open().id
    assert told.press(request, "approve") == 200
    assert asking.end().result == 1
    assert told.reply() == f"{request} is approved"
    event = told.yard.gateway.event(lambda one: one["event"] == "request-answered" and one["request"] == request)
    assert (event["by"]["name"], event["channel"]) == ("lena", "slack")


def test_slack_answers_only_for_people_who_are_known_and_may(told: Told) -> None:
    request = asked_for(refused(told.yard, "update stock set n = 7 where id = 9", approval="error"))
    assert told.press(request, "approve", secret=b"another") == 401
    assert told.press(request, "approve", "U9") == 200
    assert "does not know who you are" in told.reply()
    assert told.press(request, "approve", "U2") == 200
    assert "their own request" in told.reply()
    assert told.press(request, "approve", reason="") == 200
    assert "needs a reason" in told.reply()
    assert told.yard.open().votes == ()


def test_break_glass_is_told_loudly(told: Told) -> None:
    words = ("break-glass", "--source", "yard", "--role", "keeper", "--for", "5m", "--reason", "the roof leaks")
    with told.hook:
        assert command(told.yard, "wim", *words).exit_code == 0
        while (heard := told.hook.next_json())["type"] != "break-glass":
            pass
    assert (heard["data"]["identity"], heard["data"]["reason"]) == ("user:wim", "the roof leaks")  # type: ignore[index]
