"""Events reach a real Kafka and a real S3-compatible store at least once, whoever breaks off."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.edges.answers import receivers
from sluice.edges.answers.receivers import Batch, ShipFailed, receiver
from sluice.edges.answers.receivers.kafka import Kafka as ToKafka
from sluice.edges.answers.receivers.s3 import S3
from sluice.edges.answers.ship import former_of, ship

from .broker import Kafka, Unavailable, free_ports
from .bucket import Store
from .conftest import ALICE, asked, seal, some


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real broker; without Java and Maven its tests are skipped, but never in continuous integration."""
    try:
        broker = Kafka(tmp_path_factory.mktemp("kafka"))
    except Unavailable as missing:
        if os.environ.get("CI"):
            pytest.fail(f"continuous integration runs these tests: {missing}")
        pytest.skip(str(missing))
    with broker:
        yield broker


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def reached(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store, as the environment says where it is."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return store


class Cut:
    """Sends on, but the process ends before the n-th batch was noted."""

    def __init__(self, target: str, after: int) -> None:
        self._to, self._left = receiver(target), after
        self.most = self._to.most

    def send(self, batch: Batch) -> None:
        self._to.send(batch)
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt

    def close(self) -> None:
        self._to.close()


def test_kafka_gets_each_event_once_and_a_connections_in_their_order(kafka: Kafka, folder: Path) -> None:
    target = kafka.topic("whole")
    assert ship(folder, target, "jsonl") == len(some().splitlines())
    assert ship(folder, target, "jsonl") == 0
    with (folder / "audit-000002.jsonl").open("ab") as segment:
        segment.write(asked(ALICE, "c1", 9) + b'{"torn')
    assert ship(folder, target, "jsonl") == 1
    sent = [*some().splitlines(), asked(ALICE, "c1", 9).rstrip()]
    got = kafka.read("whole", len(sent))
    assert sorted(value for _, _, value in got) == sorted(sent)
    for connection in ("c1", "c2", "c3"):
        own = [one for one in got if one[1] == connection.encode()]
        assert len({partition for partition, _, _ in own}) == 1
        assert [value for _, _, value in own] == [one for one in sent if f'"{connection}-'.encode() in one]


def test_a_run_cut_short_sends_its_last_batch_to_kafka_again(
    kafka: Kafka, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ToKafka, "most", (4, 1 << 20))
    target, former = kafka.topic("again"), former_of("jsonl")
    with pytest.raises(KeyboardInterrupt):
        ship(folder, target, "jsonl", former, Cut(target, 2))
    ship(folder, target, "jsonl")
    sent = some().splitlines()
    got = [value for _, _, value in kafka.read("again", len(sent) + 4)]
    assert set(got) == set(sent)
    assert sorted(got) == sorted([*sent, *sent[4:8]])


def test_an_event_that_a_topic_is_too_small_for_stops_there_and_is_said(kafka: Kafka, folder: Path) -> None:
    target = kafka.topic("small")
    (folder / "audit-000002.jsonl").write_bytes(asked(ALICE, "c9", 1, text="x" * 700_000))
    with pytest.raises(ShipFailed, match=r"the topic `small` did not take 1 events: .*too large"):
        ship(folder, target, "jsonl")
    assert sorted(value for _, _, value in kafka.read("small", 15)) == sorted(some().splitlines())


def test_no_topic_and_no_broker_are_said(kafka: Kafka, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ShipFailed, match=r"did not take 15 events: .*Unknown topic"):
        ship(folder, f"kafka://{kafka.address}/nobody-made-this", "jsonl")
    monkeypatch.setattr("sluice.edges.answers.receivers.kafka.SECONDS", -4)
    with pytest.raises(ShipFailed, match="did not take 15 events"):
        ship(folder, f"kafka://127.0.0.1:{free_ports(1)[0]}/audit", "jsonl")


def test_client_settings_are_read_from_a_file_of_its_owner(tmp_path: Path) -> None:
    settings = tmp_path / "kafka.properties"
    settings.write_text("# TLS\nsecurity.protocol = SASL_SSL\n\nsasl.password=a=b\n")
    with pytest.raises(ShipFailed, match="can be read by others; run `chmod 600"):
        receiver("kafka://broker.example.com:9093/audit", settings)
    settings.chmod(0o600)
    to = receiver("kafka://broker.example.com:9093/audit", settings)
    assert isinstance(to, ToKafka)
    assert to._settings["security.protocol"] == "SASL_SSL"
    assert to._settings["sasl.password"] == "a=b"
    assert to._settings["bootstrap.servers"] == "broker.example.com:9093"
    for line, why in (("acks=0", "`acks` .* is not to be chosen"), ("acks", "is not `name=value`")):
        settings.write_text(line)
        with pytest.raises(ShipFailed, match=why):
            receiver("kafka://broker.example.com:9093/audit", settings)
    settings.write_text("no.such.setting=1")
    with pytest.raises(ShipFailed, match=r"No such configuration property.*no\.such\.setting"):
        receiver("kafka://broker.example.com:9093/audit", settings).send(Batch([b"{}"], [b""], "", "", ""))
    with pytest.raises(ShipFailed, match="only `kafka://` takes client settings"):
        receiver("s3://bucket/prefix", settings)


@pytest.mark.parametrize(
    "target", ["kafka://broker:9092", "kafka:///topic", "kafka://me:secret@b/t", "s3:///x", "s3://a/b?c=d"]
)
def test_an_address_that_says_too_little_or_too_much_is_none(target: str) -> None:
    with pytest.raises(ShipFailed, match="is not `"):
        receiver(target)


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "confluent_kafka", None)
    with pytest.raises(ShipFailed, match=r"needs confluent_kafka: `pip install 'sluice\[kafka\]'`"):
        receiver("kafka://broker.example.com:9093/audit")


def test_a_bucket_gets_objects_that_are_dated_and_named_by_their_place(reached: Store, folder: Path) -> None:
    assert ship(folder, "s3://whole/sluice/prod", "jsonl") == len(some().splitlines())
    seal(folder)
    assert ship(folder, "s3://whole/sluice/prod", "jsonl") == 0
    (folder / "audit-000002.jsonl").write_bytes(asked(ALICE, "z", 1))
    assert ship(folder, "s3://whole/sluice/prod", "jsonl") == 1
    found = reached.objects("whole")
    first, second = sorted(found)
    day, stream = first.split("/audit-")[0], first.split("/")[5]
    assert day == "sluice/prod/2026/09/21"
    assert (first, second) == (
        f"{day}/{stream}/000001-000000000000.jsonl.gz",
        f"{day}/{stream}/000002-000000000000.jsonl.gz",
    )
    assert (found[first], found[second]) == (some(), asked(ALICE, "z", 1))


def test_what_is_sent_again_to_a_bucket_takes_its_own_place(
    reached: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(S3, "most", (4, 1 << 20))
    with pytest.raises(KeyboardInterrupt):
        ship(folder, "s3://again/", "jsonl", None, Cut("s3://again/", 2))
    monkeypatch.setattr(S3, "most", (6, 1 << 20))
    ship(folder, "s3://again/", "jsonl")
    by_place = {name.rpartition("/")[2]: body for name, body in reached.objects("again").items()}
    assert b"".join(by_place[place] for place in sorted(by_place)) == some()


def test_two_logs_of_one_name_do_not_take_each_others_place(reached: Store, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "audit"
    other.mkdir(parents=True)
    (other / "audit-000001.jsonl").write_bytes(some())
    for log in (folder, other):
        ship(log, "s3://two", "ocsf")
    bodies = list(reached.objects("two").values())
    assert len(bodies) == 2
    assert {json.loads(line)["class_name"] for body in bodies for line in body.splitlines()} == {
        "Authentication",
        "Datastore Activity",
    }


def test_a_store_that_refuses_or_is_gone_is_said(reached: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(ShipFailed, match="`s3://refused` did not take the events"):
        ship(folder, "s3://refused", "jsonl")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", reached.environment["AWS_SECRET_ACCESS_KEY"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(ShipFailed, match="`s3://refused` did not take the events"):
        ship(folder, "s3://refused", "jsonl")
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    monkeypatch.setenv("AWS_ENDPOINT_URL", reached.environment["AWS_ENDPOINT_URL"])
    with pytest.raises(ShipFailed, match="`s3://refused` did not take the events"):
        ship(folder, "s3://refused", "jsonl")


def test_every_scheme_is_taken() -> None:
    assert set(receivers.RECEIVERS) == {"http", "https", "kafka", "s3", "syslog"}
