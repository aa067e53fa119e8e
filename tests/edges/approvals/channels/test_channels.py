"""Each channel before a local server that speaks its protocol."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from email import message_from_bytes, policy
from urllib.parse import urlencode

import pytest
from listening import Letters, Receiver

from sluice.edges.approvals.channels import CHANNELS, ChannelError, channels_of
from sluice.edges.approvals.channels.slack import Pressed, genuine, payload_of, pressed
from sluice.edges.approvals.outbox import Message
from sluice.edges.config.approving import Approvals, Mail, Slack, Webhook

KEY = b"a key that is only made up for this test"
ABOUT = {
    "id": "r-7k2m9xqe", "requester": "user:wim", "source": "yard", "purpose": "ticket", "reason": "",
    "needs": [{"group": "lead", "count": 1}], "closes_at": 1_800_000_000.0, "votes": [],
    "detail": {"statement": "delete from stock <@U1> *x*", "tables": [{"table": "public.stock", "access": "delete"}],
               "labels": ["pii.email"], "why": "not permitted"},
}  # fmt: skip
ASKED = Message(id="m-1", channel="x", subject="request-asked", payload=ABOUT, attempts=0, created_at=1_700_000_000.0)
ADDRESS = "https://gate.example.com/requests/"


class Held:
    """A secret that is here."""

    def __init__(self, text: bytes = KEY) -> None:
        self._text = text

    def read(self) -> bytes:
        return self._text

    def where(self) -> str:
        return "here"


def hooked(url: str) -> Approvals:
    return Approvals(webhooks={"ops": Webhook(url=url, secret=Held())})


def slacked(url: str) -> Approvals:
    return Approvals(slack=Slack(channel="C1", token=Held(b"made-up-token"), signing_secret=Held(), api=url))


def mailed(port: int) -> Approvals:
    to = ("lena@example.com", "lars@example.com")
    return Approvals(mail=Mail(host="127.0.0.1", port=port, starttls=False, sender="sluice@example.com", to=to))


def test_every_kind_of_channel_is_listed() -> None:
    settings = Approvals(
        webhooks=hooked("http://127.0.0.1:1").webhooks, slack=slacked("http://127.0.0.1:1").slack, mail=mailed(1).mail
    )
    assert list(channels_of(settings)) == ["webhook:ops", "slack", "mail"]
    assert len(CHANNELS) == 3
    assert channels_of(Approvals()) == {}


def test_a_webhook_is_signed_over_its_id_time_and_body() -> None:
    with Receiver() as receiver:
        channels_of(hooked(f"{receiver.url}/hook?x=1"))["webhook:ops"].tell(ASKED, ADDRESS)
        heard = receiver.next()
    assert heard.path == "/hook?x=1"
    signed = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    wanted = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert heard.headers["webhook-signature"] == f"v1,{wanted}"
    assert heard.headers["webhook-id"] == "m-1"
    assert json.loads(heard.body) == {"type": "request-asked", "address": ADDRESS, "data": ABOUT}


@pytest.mark.parametrize("status", [301, 400, 500])
def test_what_is_not_taken_was_not_delivered(status: int) -> None:
    with Receiver(status=status) as receiver, pytest.raises(ChannelError, match=f"status {status}"):
        channels_of(hooked(receiver.url))["webhook:ops"].tell(ASKED, ADDRESS)
    with pytest.raises(ChannelError, match="ConnectionRefused"):
        channels_of(hooked(receiver.url))["webhook:ops"].tell(ASKED, ADDRESS)


def test_slack_gets_blocks_in_which_nobodys_text_is_markup() -> None:
    with Receiver(answer=b'{"ok": true}') as receiver:
        channels_of(slacked(f"{receiver.url}/api"))["slack"].tell(ASKED, ADDRESS)
        heard = receiver.next()
    assert heard.path == "/api/chat.postMessage"
    assert heard.headers["authorization"] == "Bearer made-up-token"
    said = json.loads(heard.body)
    assert said["channel"] == "C1"
    assert "mrkdwn" not in json.dumps(said)
    actions = next(block for block in said["blocks"] if block["type"] == "actions")
    assert [(one["action_id"], one["value"]) for one in actions["elements"]] == [
        ("sluice-approve", "r-7k2m9xqe"),
        ("sluice-deny", "r-7k2m9xqe"),
    ]


def test_a_no_of_slack_is_no_delivery() -> None:
    with (
        Receiver(answer=b'{"ok": false, "error": "channel_not_found"}') as receiver,
        pytest.raises(ChannelError, match="channel_not_found"),
    ):
        channels_of(slacked(receiver.url))["slack"].tell(ASKED, ADDRESS)


@pytest.mark.parametrize("answer", [b"<html>come back later</html>", b"[]", b"[" * 100_000])
def test_what_is_no_answer_of_slack_is_no_delivery(answer: bytes) -> None:
    with Receiver(answer=answer) as receiver, pytest.raises(ChannelError, match="Slack's answer is no"):
        channels_of(slacked(receiver.url))["slack"].tell(ASKED, ADDRESS)


def test_only_what_slack_signed_just_now_is_genuine() -> None:
    body, at = b"payload=x", 1_700_000_000
    signature = "v0=" + hmac.new(KEY, f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": str(at), "x-slack-signature": signature}
    assert genuine(KEY, headers, body, at + 299)
    assert not genuine(KEY, headers, body, at + 301)
    assert not genuine(KEY, headers, body, at - 301)
    assert not genuine(KEY, headers, body + b"x", at)
    assert not genuine(b"another", headers, body, at)
    assert not genuine(KEY, {**headers, "x-slack-signature": "v0="}, body, at)
    assert not genuine(KEY, {**headers, "x-slack-request-timestamp": "soon"}, body, at)
    assert not genuine(KEY, {}, body, at)


def test_what_a_button_says() -> None:
    found = {
        "type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "sluice-approve", "value": "r-1"}],
        "state": {"values": {"sluice-reason": {"reason": {"type": "plain_text_input", "value": "seen"}}}},
    }  # fmt: skip
    assert pressed(payload_of(urlencode({"payload": json.dumps(found)}).encode())) == Pressed(
        "U1", "r-1", "approve", "seen"
    )
    assert pressed(payload_of(urlencode({"payload": json.dumps({"type": "shortcut"})}).encode())) is None
    for malformed in (b"", b"payload", b"payload=%7B"):
        with pytest.raises((ValueError, LookupError)):
            pressed(payload_of(malformed))


def test_a_mail_says_what_is_asked_and_how_to_answer() -> None:
    with Letters() as letters:
        channels_of(mailed(letters.port))["mail"].tell(ASKED, ADDRESS)
        sender, to, content = letters.next()
    assert (sender, to) == ("sluice@example.com", ["lena@example.com", "lars@example.com"])
    letter = message_from_bytes(content, policy=policy.default)
    assert letter["Subject"] == "user:wim asks for approval on yard"
    text = letter.get_content()
    assert "delete from stock" in text
    assert "sluice approvals approve r-7k2m9xqe" in text
    assert f"{ADDRESS}r-7k2m9xqe" in text


def test_a_line_end_in_what_people_write_makes_no_header() -> None:
    sly = Message(
        id="m-2", channel="x", subject="request-asked", payload={**ABOUT, "requester": "user:x\r\nBcc: all@example.com"},
        attempts=0, created_at=1.0,
    )  # fmt: skip
    with Letters() as letters:
        channels_of(mailed(letters.port))["mail"].tell(sly, ADDRESS)
        _, to, content = letters.next()
    assert len(to) == 2
    assert "Bcc" not in message_from_bytes(content, policy=policy.default)


def test_a_mail_server_that_is_gone_is_no_delivery() -> None:
    with Letters() as letters:
        pass
    with pytest.raises(ChannelError, match="127"):
        channels_of(mailed(letters.port))["mail"].tell(ASKED, ADDRESS)
