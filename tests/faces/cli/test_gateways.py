"""One request to a gateway's API behind TLS: by the system's CAs, or by those of one's own."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from authority import Authority

from sluice.faces.cli.gateways import ask
from sluice.faces.cli.statuses import Failure, Status


class Handler(BaseHTTPRequestHandler):
    """An API that says who asked."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "authorization": self.headers["authorization"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api(tmp_path: Path) -> Iterator[tuple[str, Authority]]:
    """The address of an API behind TLS, and the CA that proves it."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("gate"))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://localhost:{server.server_port}/gate", authority
    server.shutdown()
    server.server_close()


def test_a_ca_of_one_s_own_proves_the_gateway_and_another_does_not(api: tuple[str, Authority], tmp_path: Path) -> None:
    address, authority = api
    found = ask(address, "Bearer x", "GET", "/v1/me", ca=str(authority.ca))
    assert found == {"path": "/gate/v1/me", "authorization": "Bearer x"}
    (tmp_path / "other").mkdir()
    for ca in ("", str(Authority(tmp_path / "other", "other").ca)):
        with pytest.raises(Failure, match="certificate verify failed") as refused:
            ask(address, "Bearer x", "GET", "/v1/me", ca=ca)
        assert refused.value.status is Status.UNREACHABLE


@pytest.mark.parametrize("ca", ["missing.pem", "empty.pem"])
def test_a_ca_that_cannot_be_read_is_said(api: tuple[str, Authority], tmp_path: Path, ca: str) -> None:
    (tmp_path / "empty.pem").write_text("nothing here\n")
    with pytest.raises(Failure, match="cannot be read") as refused:
        ask(api[0], "", "GET", "/v1/me", ca=str(tmp_path / ca))
    assert refused.value.status is Status.USAGE
