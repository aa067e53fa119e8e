from __future__ import annotations

import socket
from pathlib import Path

import psycopg
import pytest

from sluice.testing.postgres import PostgresServer


def test_a_server_answers_on_tcp_and_its_socket_and_is_gone_afterwards() -> None:
    with PostgresServer(settings={"max_connections": "17"}) as server:
        folder, port = server.folder, server.port
        assert server.psql("show max_connections").strip() == "17"
        assert server.psql("show fsync").strip() == "off"
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("select inet_server_port()").fetchone() == (port,)
    assert not folder.exists()
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        pass


def test_a_folder_of_ones_own_keeps_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with PostgresServer(folder) as server:
        server.psql("create table t (a int)")
    with PostgresServer(folder) as server:
        assert server.psql("select count(*) from t").strip() == "0"


def test_rules_of_access_are_those_that_were_given() -> None:
    with PostgresServer(hba=("local all all trust", "host all nobody_else 127.0.0.1/32 trust")) as server:
        with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf"):
            psycopg.connect(server.dsn())
        assert server.psql("select 1").strip() == "1"


def test_a_server_that_cannot_start_says_why_and_leaves_nothing_running() -> None:
    server = PostgresServer(settings={"no_such_setting": "1"})
    with pytest.raises(RuntimeError, match="no_such_setting"):
        server.start()
    server.stop()
    assert not server.folder.exists()


def test_failing_sql_is_an_error() -> None:
    with PostgresServer() as server, pytest.raises(RuntimeError, match="division by zero"):
        server.psql("select 1/0")
