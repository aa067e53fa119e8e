"""Slack's Socket Mode: a WebSocket from here to Slack, by which the buttons of its messages come. It is made anew whenever it ends.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode. Every envelope is acknowledged first: Slack waits for three
seconds, and people's answers are counted once whatever comes twice.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from sluice.edges.approvals.channels.channel import ChannelError
from sluice.edges.approvals.channels.slack import socket_of
from sluice.edges.config.approving import Slack
from sluice.runtime.api.slack import taken

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway

_LOOK_SECONDS = 1.0
_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 30.0
_LONGEST = 1 << 20
log = structlog.get_logger("sluice.slack")


async def follow_slack(gateway: Gateway) -> None:
    """For ever: keeps a connection while one is configured. Ends when cancelled."""
    again = _FIRST_SECONDS
    while True:
        settings = gateway.config.approvals.slack
        if settings is None or settings.app_token is None:
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        try:
            url = await asyncio.to_thread(socket_of, settings)
            async with connect(url, max_size=_LONGEST, proxy=None) as connection:
                again = _FIRST_SECONDS
                await _hear(gateway, settings, connection)
        except (ChannelError, WebSocketException, OSError, ValueError) as error:
            log.warning(
                "there is no connection to Slack, tried again soon", reason=f"{type(error).__name__}: {error}"[:300]
            )
            await asyncio.sleep(again)
            again = min(_LONGEST_SECONDS, again * 2)


async def _hear(gateway: Gateway, settings: Slack, connection: ClientConnection) -> None:
    """Takes what comes until the connection ends, Slack asks for another one, or other settings are in force."""
    while gateway.config.approvals.slack == settings:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                message = await connection.recv()
        except TimeoutError:
            continue
        envelope = _envelope(message)
        match envelope.get("type"):
            case "hello":
                log.info("connected to Slack")
            case "disconnect":
                return
            case "interactive":
                await _acknowledge(connection, envelope)
                payload = envelope.get("payload")
                if isinstance(payload, dict):
                    gateway.spawn(taken(gateway, settings, payload))
            case _:
                await _acknowledge(connection, envelope)


async def _acknowledge(connection: ClientConnection, envelope: dict[str, Any]) -> None:
    name = envelope.get("envelope_id")
    if isinstance(name, str):
        await connection.send(json.dumps({"envelope_id": name}))


def _envelope(message: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
