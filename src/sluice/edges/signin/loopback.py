"""Where the browser comes back to: one page on a port of this machine's own (RFC 8252, section 7.3), served until the answer is there."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

_PATH = "/callback"
_PAGE = b"<!doctype html><meta charset=utf-8><title>Sluice</title><p>The terminal has your answer. You can close this page.</p>"


class Redirect:
    """A small server on loopback, as a context manager."""

    def __init__(self, port: int = 0) -> None:
        """`port` 0: any free one. Raises OSError when it cannot be had."""
        self._came = threading.Event()
        self._answer: Mapping[str, str] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(self._arrived))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Redirect:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def uri(self) -> str:
        """The address to come back to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{_PATH}"

    def wait(self, seconds: float) -> Mapping[str, str] | None:
        """What the browser brought; None: nothing came in time."""
        return self._answer if self._came.wait(seconds) else None

    def _arrived(self, answer: Mapping[str, str]) -> None:
        if not self._came.is_set():
            self._answer = answer
            self._came.set()


def _handler(arrived: object) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            known = parts.path == _PATH
            self.send_response(200 if known else 404)
            self.send_header("content-type", "text/html")
            self.send_header("referrer-policy", "no-referrer")
            self.end_headers()
            if known:
                self.wfile.write(_PAGE)
                if callable(arrived):
                    arrived(dict(parse_qsl(parts.query)))

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the query holds a code."""

    return Handler
