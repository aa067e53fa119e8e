"""Local receivers for what Sluice tells: an HTTP server that keeps what it was sent, and a real SMTP server."""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sluice.testing.ports import free_port


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """An HTTP server that answers with `status` and `answer` and keeps all it hears."""

    status: int = 200
    answer: bytes = b"{}"
    port: int = field(default_factory=free_port)
    heard: queue.Queue[Heard] = field(default_factory=queue.Queue)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.heard.put(Heard(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("content-length", str(len(receiver.answer)))
                self.end_headers()
                self.wfile.write(receiver.answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def next(self) -> Heard:
        return self.heard.get(timeout=30)

    def next_json(self) -> dict[str, object]:
        return json.loads(self.next().body)


class Letters:
    """A real SMTP server in a thread, which may end and come back; `next` is the next mail it took."""

    def __init__(self) -> None:
        self.taken: queue.Queue[tuple[str, list[str], bytes]] = queue.Queue()
        self.port = free_port()
        self._controller: Controller | None = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.taken.put((envelope.mail_from or "", envelope.rcpt_tos, envelope.content or b""))  # type: ignore[arg-type]
        return "250 taken"

    def __enter__(self) -> Letters:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._controller is not None:
            self._controller.stop()

    def next(self) -> tuple[str, list[str], bytes]:
        return self.taken.get(timeout=30)
