"""Where events can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from sluice.edges.answers.receivers.file import File
from sluice.edges.answers.receivers.kafka import Kafka
from sluice.edges.answers.receivers.receiver import Batch as Batch
from sluice.edges.answers.receivers.receiver import Receiver as Receiver
from sluice.edges.answers.receivers.receiver import ShipFailed as ShipFailed
from sluice.edges.answers.receivers.s3 import S3
from sluice.edges.answers.receivers.syslog import Syslog
from sluice.edges.answers.receivers.web import Web


class _Maker(Protocol):
    def __call__(self, target: str, settings: Path | None) -> Receiver: ...


RECEIVERS: Mapping[str, _Maker] = {
    "http": Web,
    "https": Web,
    "kafka": Kafka,
    "s3": S3,
    "syslog": Syslog,
}
"""By the scheme of an address; whatever has none of these is a file."""


def receiver(target: str, settings: Path | None = None) -> Receiver:
    """What a target is reached by; ShipFailed when it cannot be, or a library for it is missing.

    `settings`: a file with more about how to reach it; only Kafka has such.
    """
    scheme = urlsplit(target).scheme
    if settings is not None and scheme != "kafka":
        raise ShipFailed("only `kafka://` takes client settings")
    return RECEIVERS.get(scheme, File)(target, settings)
