"""A topic of Apache Kafka: `kafka://host:port[,host:port …]/topic`.

Each event is a message, keyed by its connection, so a connection's events stay in order in one partition. The producer is
idempotent and waits for all in-sync replicas.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sluice.edges.answers.receivers.receiver import SECONDS, Batch, ShipFailed, library

_FIXED = {
    "acks": "all",
    "enable.idempotence": "true",
    "message.timeout.ms": str(int(SECONDS * 1000)),
    # What is too large for the topic is for the broker to say.
    "message.max.bytes": str(64 << 20),
    "linger.ms": "5",
    # A topic that is not there is said soon: none is made by this.
    "topic.metadata.propagation.max.ms": "5000",
    "allow.auto.create.topics": "false",
    "client.id": "sluice",
    "log_level": "0",
}
"""What being sent for good rests on."""


class Kafka:
    """A batch is there when the brokers acknowledged each of its messages.

    `settings`: a file of librdkafka's settings, `name=value` a line, for TLS and SASL (`security.protocol`, `sasl.mechanism`,
    `sasl.username`, `sasl.password`, `ssl.ca.location`, …), for its owner's eyes only. Raises ShipFailed when that does not do.
    """

    most: ClassVar[tuple[int, int]] = (5_000, 8 << 20)

    def __init__(self, target: str, settings: Path | None) -> None:
        parts = urlsplit(target)
        self._topic = parts.path.strip("/")
        if not parts.netloc or not self._topic or "@" in parts.netloc:
            raise ShipFailed(f"`{target}` is not `kafka://host:port/topic`")
        self._said = ""
        self._library = library("confluent_kafka", "kafka")
        self._settings = {
            **(_read(settings) if settings is not None else {}),
            **_FIXED,
            "bootstrap.servers": parts.netloc,
        }
        self._producer: Any = None

    def send(self, batch: Batch) -> None:
        """Produces all and waits for what became of each."""
        failed: list[str] = []

        def delivered(error: object, _: object) -> None:
            if error is not None:
                failed.append(str(error))

        errors = (self._library.KafkaException, BufferError, ValueError)
        try:
            producer = self._open()
            for key, body in zip(batch.keys, batch.bodies, strict=True):
                producer.produce(self._topic, body, key or None, on_delivery=delivered)
            missing = producer.flush(SECONDS + 5)
        except errors as error:
            self.close()
            raise ShipFailed(f"Kafka did not take the events: {error}") from error
        if missing or failed:
            # What is still on its way there would come behind what the next run sends.
            self.close()
            said = failed[0] if failed else self._said or "no answer"
            raise ShipFailed(f"the topic `{self._topic}` did not take {missing or len(failed)} events: {said}")

    def close(self) -> None:
        """Lets go of the brokers; what they did not take is not sent any more."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(1)

    def _open(self) -> Any:
        if self._producer is None:
            self._producer = self._library.Producer({**self._settings, "error_cb": self._hear})
        return self._producer

    def _hear(self, error: object) -> None:
        self._said = str(error)


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8") as file:
            mode, lines = os.fstat(file.fileno()).st_mode, file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ShipFailed(f"the settings `{path}` cannot be read: {error}") from error
    if mode & 0o077:
        raise ShipFailed(f"the settings `{path}` can be read by others; run `chmod 600 {path}`")
    found = {}
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (one.strip() for one in line.partition("="))
        if not equals:
            raise ShipFailed(f"a line of the settings `{path}` is not `name=value`")
        if name in _FIXED or name in ("bootstrap.servers", "metadata.broker.list"):
            raise ShipFailed(f"`{name}` in the settings `{path}` is not to be chosen; remove it")
        found[name] = value
    return found
