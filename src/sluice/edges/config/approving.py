"""How humans are asked, and how long anybody waits for them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from sluice.edges.config.parts import Count, Name, Port, Seconds, Text
from sluice.edges.secrets import Secret


class Webhook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that is told of requests by a signed POST."""

    url: Annotated[Text, Meta(description="where to: `https://…` (`http` on this machine only)")]
    secret: Annotated[Secret, Meta(description="what deliveries are signed with (HMAC-SHA-256)")]


class Slack(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Slack app that posts requests into a channel and takes the answers of its buttons."""

    channel: Annotated[Text, Meta(description="the channel's id")]
    token: Annotated[Secret, Meta(description="the app's bot token, with the scope `chat:write`")]
    signing_secret: Annotated[
        Secret | None,
        Meta(description="the app's signing secret, for answers by HTTP; what it did not sign is refused"),
    ] = None
    app_token: Annotated[
        Secret | None,
        Meta(
            description="an app-level token with `connections:write`: answers then come by Socket Mode, and no port is opened"
        ),
    ] = None
    people: Annotated[
        dict[str, Name], Meta(description="which configured user each Slack user (by id) is; nobody else can answer")
    ] = {}
    api: Annotated[Text, Meta(description="Slack's own address")] = "https://slack.com/api"


class Mail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mails about requests. Answers are not taken by mail."""

    host: Annotated[Text, Meta(description="the mail server")]
    port: Port = 587
    starttls: Annotated[bool, Meta(description="encrypt, and check the server's certificate")] = True
    user: Annotated[Text | None, Meta(description="who to log in as")] = None
    password: Annotated[Secret | None, Meta(description="where the password of that user is")] = None
    sender: Annotated[Text, Meta(description="the sender's address")]
    to: Annotated[tuple[Text, ...], Meta(min_length=1, description="whom to tell")]


class Approvals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on what held statements can cost, and where people find requests."""

    wait: Annotated[Seconds, Meta(description="how long a client waits for an approval, in seconds")] = 600.0
    open: Annotated[Seconds, Meta(description="how long a request can be answered, in seconds")] = 86_400.0
    waiting: Annotated[
        Count, Meta(description="clients of this process that may wait at once; others hear an error")
    ] = 100
    waiting_per_identity: Annotated[Count, Meta(description="of these, clients of one identity")] = 5
    open_per_identity: Annotated[Count, Meta(description="requests of one identity that may be open at once")] = 20
    longest_grant: Annotated[Seconds, Meta(description="longest access that can be asked for, in seconds")] = 28_800.0
    longest_break_glass: Annotated[Seconds, Meta(description="longest break-glass, in seconds")] = 3_600.0
    review: Annotated[Seconds, Meta(description="how soon a break-glass has to be reviewed, in seconds")] = 86_400.0
    reviewers: Annotated[
        tuple[Name, ...],
        Meta(description="groups whose members review break-glass; without any, nobody can break the glass"),
    ] = ()
    webhooks: Annotated[dict[str, Webhook], Meta(description="addresses to tell of requests, by name")] = {}
    slack: Annotated[Slack | None, Meta(description="a Slack channel to tell, and to answer in")] = None
    mail: Annotated[Mail | None, Meta(description="people to tell by mail")] = None
    address: Annotated[
        Text | None, Meta(description="where people find a request: its id is put behind it (`https://…/requests/`)")
    ] = None
