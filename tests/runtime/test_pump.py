"""The pump behind a real gateway: what it takes it gives back, and connections that it does not read work all the same."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from sluice.testing.gateway import RunningGateway, starter_policies, verifier

REPEATS = 8
TEXT = "select email from customers where id = %s"


@pytest.fixture(scope="module")
def serving(gateway, tmp_path_factory):
    """A gateway of one's own on the shop's database: a plain source, and one whose log is synced."""
    source = f"{{host: 127.0.0.1, port: {gateway.server.port}, database: shop, environment: staging, user: shop_gateway"
    config = (
        f"sources:\n  shop: {source}}}\n  careful: {source}, durability: synced}}\n"
        f'users:\n  dana: {{groups: [data-science], scram: "{verifier("open sesame")}"}}\nmasking: {{key: {{file: masking.key}}}}\n'
    )
    labels = "labels: {pii: redact, pii.email: email}\ncolumns:\n" + "".join(
        f"  {name}: {{public.customers.email: pii.email}}\n" for name in ("shop", "careful")
    )
    files = {**starter_policies(), "labels.yaml": labels}
    with RunningGateway(tmp_path_factory.mktemp("pump"), config, files=files) as running:
        yield running


def _repeated(serving: RunningGateway, source: str, prepare: bool) -> list[str]:
    dsn = serving.dsn("dana", "open sesame", source, purpose="analytics")
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=0 if prepare else None) as connection:
        return [connection.execute(TEXT, (number,)).fetchone()[0] for number in range(1, REPEATS + 1)]


@pytest.mark.parametrize("source", ["shop", "careful"])
@pytest.mark.parametrize("prepare", [False, True])
def test_what_is_repeated_is_masked_and_recorded_each_time(serving, source, prepare):
    before = len([event for event in serving.events() if event["event"] == "statement-done"])
    assert _repeated(serving, source, prepare) == ["p***@example.com"] * REPEATS
    done = [event for event in serving.events() if event["event"] == "statement-done"][before:]
    assert len(done) >= REPEATS
    assert [event["masked"] for event in done if event["rows"]] == [[1]] * REPEATS


def test_descriptors_are_given_back_when_a_session_ends(serving):
    descriptors = Path(f"/proc/{serving.pid}/fd")
    _repeated(serving, "shop", True)
    before = len(list(descriptors.iterdir()))
    for _ in range(5):
        _repeated(serving, "shop", True)
    # Some of the gateway's own come and go; sessions that kept theirs would leave twenty.
    serving.until(lambda: len(list(descriptors.iterdir())) < before + 5, "the descriptors to come back")
