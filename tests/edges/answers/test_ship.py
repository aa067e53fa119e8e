"""Events reach a file, a syslog server and an HTTP address at least once, whoever breaks off."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from sluice.audit.encode import encode, stamp
from sluice.audit.events import AuthFailed, Landed, Peer, Reach
from sluice.edges.answers.ocsf import record
from sluice.edges.answers.openlineage import run_event
from sluice.edges.answers.receivers import ShipFailed
from sluice.edges.answers.receivers.web import Web
from sluice.edges.answers.ship import former_of, ship

from .conftest import ALICE, START, asked, done, seal, some


class Collector(HTTPServer):
    """Takes lines; refuses every second request when told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lines: list[bytes] = []
        self.requests = 0
        self.moody = False


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests += 1
        bad = self.server.moody and self.server.requests % 2 == 0
        if not bad:
            self.server.lines += body.splitlines()
        self.send_response(503 if bad else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_gets_what_is_new_each_time(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    assert ship(folder, str(target), "jsonl") == len(some().splitlines())
    assert target.read_bytes() == some()
    assert ship(folder, str(target), "jsonl") == 0
    with (folder / "audit-000002.jsonl").open("ab") as segment:
        segment.write(asked(ALICE, "z", 1) + b'{"torn')
    assert ship(folder, str(target), "jsonl") == 1
    assert target.read_bytes() == some() + asked(ALICE, "z", 1)


def test_a_sealed_segment_is_sent_on_from_where_it_was(folder: Path, tmp_path: Path) -> None:
    path, whole, target = folder / "audit-000001.jsonl", some(), tmp_path / "out.jsonl"
    path.write_bytes(whole[: whole.index(b"\n", len(whole) // 2) + 1])
    first = ship(folder, str(target), "jsonl")
    path.write_bytes(whole)
    seal(folder)
    assert first + ship(folder, str(target), "jsonl") == whole.count(b"\n")
    assert target.read_bytes() == whole


def test_an_address_that_fails_now_and_then_gets_all_in_the_end(
    folder: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Web, "most", (3, 1 << 20))
    collector.moody = True
    url = f"http://127.0.0.1:{collector.server_port}/in?source=sluice"
    with pytest.raises(ShipFailed, match="answered with 503"):
        ship(folder, url, "jsonl")
    for _ in range(20):
        try:
            ship(folder, url, "jsonl")
        except ShipFailed:
            continue
        break
    assert collector.lines == some().splitlines()


def test_a_syslog_server_gets_framed_messages(folder: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def take() -> None:
        connection, _ = server.accept()
        with connection:
            while block := connection.recv(65536):
                got.append(block)

    thread = threading.Thread(target=take)
    thread.start()
    count = ship(folder, f"syslog://127.0.0.1:{server.getsockname()[1]}", "ocsf")
    thread.join()
    server.close()
    data, messages = b"".join(got), []
    while data:
        size, _, data = data.partition(b" ")
        messages.append(data[: int(size)])
        data = data[int(size) :]
    assert len(messages) == count == 8
    assert messages[0].startswith(b"<110>1 ")
    assert json.loads(messages[0][messages[0].index(b"{") :])["class_name"] == "Authentication"


def test_nobody_there_is_said(folder: Path) -> None:
    with pytest.raises(ShipFailed, match="did not take the events"):
        ship(folder, "http://127.0.0.1:1/", "jsonl")


def test_statements_and_logins_are_ocsf_records() -> None:
    found = record(asked(ALICE, "c", 1, outcome="refuse").rstrip())
    assert found is not None
    assert (found["class_uid"], found["activity_id"], found["type_uid"]) == (6005, 1, 600501)
    assert (found["status_id"], found["severity_id"], found["status_detail"]) == (2, 3, "not permitted")
    assert found["actor"]["user"] == {"name": "alice", "type_id": 1, "type": "User", "groups": [{"name": "support"}]}
    assert found["metadata"]["uid"] == "c-1"
    failed = record(
        encode(AuthFailed("g-1", stamp(START), Peer("::1"), "eve", "shop", "scram", "wrong password")).rstrip()
    )
    assert failed is not None
    assert (failed["type_uid"], failed["user"], failed["status_id"]) == (300201, {"name": "eve"}, 2)
    assert record(b'{"event":"disconnected"}') is None


def test_written_flows_are_openlineage_events_with_their_columns() -> None:
    flows = (Reach("public.customers.email", "value", ("pii.email",)), Reach("public.orders.id", "aggregate"))
    found = run_event(asked(ALICE, "c", 1, verb="insert", writes=(Landed("public.export.mail", flows),)).rstrip())
    assert found is not None
    assert [one["name"] for one in found["inputs"]] == ["public.customers", "public.orders"]
    (output,) = found["outputs"]
    fields = output["facets"]["columnLineage"]["fields"]["mail"]["inputFields"]
    assert (output["namespace"], output["name"]) == ("sluice://shop", "public.export")
    assert [(one["name"], one["field"]) for one in fields] == [("public.customers", "email"), ("public.orders", "id")]
    assert fields[1]["transformations"][0]["subtype"] == "AGGREGATION"
    assert run_event(asked(ALICE, "c", 1).rstrip()) is None
    assert run_event(b'{"event":"disconnected"}') is None


TRACED = "select email /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/ from customers"


def _spans(bodies: list[bytes]) -> list[Span]:
    """The spans of export requests, read by OpenTelemetry's own schema, which refuses fields that it does not know."""
    requests = [ParseDict(json.loads(body), ExportTraceServiceRequest()) for body in bodies]
    return [
        span
        for request in requests
        for held in request.resource_spans
        for one in held.scope_spans
        for span in one.spans
    ]


def test_statements_are_spans_in_their_callers_trace(folder: Path, collector: Collector) -> None:
    lines = asked(ALICE, "c9", 1, text=TRACED) + done("c9", 1, 5, at=START + 1)
    lines += asked(ALICE, "c9", 3, outcome="refuse", at=START + 2)
    (folder / "audit-000001.jsonl").write_bytes(lines)
    (folder / "audit-000002.jsonl").write_bytes(b"")
    assert ship(folder, f"http://127.0.0.1:{collector.server_port}/v1/traces", "otlp") == 2
    (body,) = collector.lines
    told = json.loads(body)["resourceSpans"]
    assert told[0]["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "sluice"}}]
    first, second = (one["scopeSpans"][0]["spans"][0] for one in told)
    assert (first["traceId"], first["parentSpanId"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert (len(second["traceId"]), len(second["spanId"]), second["parentSpanId"]) == (32, 16, "")
    assert first["spanId"] != second["spanId"]
    read, refused = _spans([body])
    assert read.end_time_unix_nano == int(START + 1) * 10**9
    assert read.end_time_unix_nano - read.start_time_unix_nano == 1_500_000
    attributes = {one.key: one.value for one in read.attributes}
    assert attributes["sluice.identity"].string_value == "user:alice"
    assert attributes["db.response.returned_rows"].int_value == 5
    assert [one.string_value for one in attributes["sluice.policies"].array_value.values] == ["support-reads"]
    assert (read.name, read.status.code) == ("select public.customers", 0)
    assert (refused.status.code, refused.status.message) == (2, "not permitted")


def test_a_span_keeps_its_beginning_from_one_run_to_the_next(folder: Path, tmp_path: Path) -> None:
    target, former = tmp_path / "spans.jsonl", former_of("otlp")
    (folder / "audit-000002.jsonl").write_bytes(b"")
    (folder / "audit-000001.jsonl").write_bytes(asked(ALICE, "c9", 1, text=TRACED))
    assert ship(folder, str(target), "otlp", former) == 0
    with (folder / "audit-000001.jsonl").open("ab") as segment:
        segment.write(done("c9", 1, 5, "failed") + done("c8", 1))
    assert ship(folder, str(target), "otlp", former) == 2
    whole, headless = _spans(target.read_bytes().splitlines())
    assert (whole.name, whole.status.code) == ("select public.customers", 2)
    assert (headless.name, headless.status.code) == ("statement", 0)
