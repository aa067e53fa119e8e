"""The ways people are told of requests, one small file each."""

from __future__ import annotations

from sluice.edges.approvals.channels.channel import Channel, ChannelError, Maker
from sluice.edges.approvals.channels.mail import mail
from sluice.edges.approvals.channels.slack import slack
from sluice.edges.approvals.channels.webhook import webhook
from sluice.edges.config.approving import Approvals

CHANNELS: tuple[Maker, ...] = (webhook, slack, mail)
"""Every kind of channel; each makes those that the configuration names."""

__all__ = ["CHANNELS", "Channel", "ChannelError", "channels_of"]


def channels_of(settings: Approvals) -> dict[str, Channel]:
    """The configured channels by name."""
    return {name: channel for make in CHANNELS for name, channel in make(settings).items()}
