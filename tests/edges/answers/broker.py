"""A real Apache Kafka of one broker for tests, which is its own controller."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

HERE = Path(__file__).parents[2] / "kafka"
_SMALL = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
_SECONDS = 90.0
PARTITIONS = 3


class Unavailable(Exception):
    """The broker cannot be run here; the text says what is missing."""


def installed() -> Path:
    """The folder of Kafka's jars, fetched by `pom.xml` if they are not there yet. Raises Unavailable."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Unavailable(f"`{program}` is not installed (Java 17 or newer and Maven run the Kafka of the tests)")
    libraries, wanted = HERE / "libs", (HERE / "pom.xml").read_bytes()
    stamp = libraries / ".installed"
    if not stamp.exists() or stamp.read_bytes() != wanted:
        shutil.rmtree(libraries, ignore_errors=True)
        done = subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={libraries}", "-DincludeScope=runtime"],
            cwd=HERE, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            raise Unavailable(f"Maven could not fetch the Kafka of the tests: {done.stdout[-500:]}")
        stamp.write_bytes(wanted)
    return libraries


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return found


class Kafka:
    """The broker as a process; topics are made by `topic`."""

    def __init__(self, folder: Path) -> None:
        port, control = free_ports(2)
        self.address = f"127.0.0.1:{port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "server.properties").write_text(
            f"process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{control}\n"
            f"listeners=PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{control}\n"
            f"advertised.listeners=PLAINTEXT://{self.address}\ncontroller.listener.names=CONTROLLER\n"
            f"log.dirs={folder / 'data'}\nauto.create.topics.enable=false\noffsets.topic.replication.factor=1\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
        )
        java = ["java", *_SMALL, "-cp", f"{installed()}/*"]
        settings = str(folder / "server.properties")
        subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c", settings],
            check=True, capture_output=True,
        )  # fmt: skip
        self._command = [*java, "kafka.Kafka", settings]

    def __enter__(self) -> Kafka:
        with (self._folder / "kafka.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env={**os.environ, "LOG_DIR": str(self._folder)}
            )
        until = time.monotonic() + _SECONDS
        while True:
            try:
                if AdminClient({"bootstrap.servers": self.address, "log_level": 0}).list_topics(timeout=1).brokers:
                    return self
            except KafkaException:
                pass
            if self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError((self._folder / "kafka.log").read_text()[-2000:])

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def topic(self, name: str, **settings: str) -> str:
        """Makes a topic of three partitions; the address that events are sent to it by."""
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        admin.create_topics([NewTopic(name, PARTITIONS, 1, config=settings)])[name].result(30)
        return f"kafka://{self.address}/{name}"

    def read(self, topic: str, count: int) -> list[tuple[int, bytes | None, bytes]]:
        """Partition, key and value of so many messages of a topic."""
        consumer = Consumer(
            {"bootstrap.servers": self.address, "group.id": "tests", "enable.auto.commit": False, "log_level": 0}
        )
        found: list[tuple[int, bytes | None, bytes]] = []
        try:
            # Without a group, which would take seconds to come together.
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
            until = time.monotonic() + _SECONDS
            while len(found) < count and time.monotonic() < until:
                message = consumer.poll(1)
                if message is not None and message.error() is None:
                    found.append((message.partition(), message.key(), message.value()))  # type: ignore[arg-type]
        finally:
            consumer.close()
        return found
