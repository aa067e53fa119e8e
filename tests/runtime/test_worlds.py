"""Catalogs of several sources: none of them holds up the others, whatever it does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sluice.edges.config import Config, load
from sluice.engines.registry import ENGINES
from sluice.runtime.rules import read_rules
from sluice.runtime.worlds import Worlds
from sluice.testing.postgres import PostgresServer

PATIENCE_SECONDS = 25.0
"""Less than a source that does not answer is waited for."""


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a database that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def source(postgres: PostgresServer) -> Iterator[str]:
    postgres.psql("create role worlds_gateway login")
    postgres.psql("create database worlds")
    yield f"good: {{host: 127.0.0.1, port: {postgres.port}, database: worlds, environment: test, user: worlds_gateway}}"
    postgres.psql("drop database worlds with (force)")


def _config(folder: Path, *sources: str) -> Config:
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "all.cedar").write_text('@id("all") permit (principal, action, resource);')
    (folder / "labels.yaml").write_text("labels: {pii: redact}\ncolumns: {}\n")
    (folder / "masking.key").write_bytes(bytes(range(32)))
    (folder / "masking.key").chmod(0o600)
    listed = "".join(f"  {source}\n" for source in sources)
    (folder / "sluice.yaml").write_text(f"sources:\n{listed}masking: {{key: {{file: masking.key}}}}\n")
    return load(folder / "sluice.yaml")


def _worlds(config: Config) -> Worlds:
    return Worlds(ENGINES[0], config, read_rules(config))


def _mute(port: int) -> str:
    return f"mute: {{host: 127.0.0.1, port: {port}, environment: test, user: u, connect_timeout: 60}}"


def test_the_start_waits_for_a_source_that_does_not_answer_only_so_long(tmp_path, source, mute):
    worlds = _worlds(_config(tmp_path, _mute(mute), source))
    asyncio.run(worlds.begin(3.0))
    assert worlds.of("mute") is None
    assert worlds.of("good") is not None


def test_a_change_is_noticed_while_another_source_does_not_answer(tmp_path, source, mute, postgres):
    worlds = _worlds(_config(tmp_path, _mute(mute), source))

    async def play() -> None:
        await worlds.begin(3.0)
        polling = asyncio.create_task(worlds.poll())
        await asyncio.to_thread(postgres.psql, "create table noticed (id int)", "worlds")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not _has(worlds, "noticed"):
                await asyncio.sleep(0.05)
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling

    asyncio.run(play())


def _has(worlds: Worlds, table: str) -> bool:
    world = worlds.of("good")
    return world is not None and world.catalog.relation("public", table) is not None


def test_a_source_that_is_taken_away_while_its_catalog_is_read_gets_no_world(tmp_path, source, postgres):
    config = _config(tmp_path, source)
    worlds = _worlds(config)
    without = _config(tmp_path, source.replace("good:", "other:"))

    async def play() -> bool:
        reading = asyncio.create_task(worlds.load("good"))
        await asyncio.sleep(0)
        worlds.swap(without, read_rules(without))
        return await reading

    asyncio.run(play())
    assert worlds.of("good") is None
