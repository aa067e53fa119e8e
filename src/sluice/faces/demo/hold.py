"""The tour's last step: a change in production waits for a second person, who sees what it is and lets it through."""

from __future__ import annotations

import base64
import threading
import time
from typing import Any

import psycopg
from rich.console import Console
from rich.text import Text

from sluice.faces.cli import gateways
from sluice.faces.cli.statuses import Failure
from sluice.faces.demo.stage import Stage, Visitor

SQL = "update tickets set status = 'closed' where id = 7"
_SECONDS = 30.0
_LOOK_SECONDS = 0.05


class _Waiting(threading.Thread):
    """The statement, beside the tour."""

    def __init__(self, dsn: str) -> None:
        super().__init__(daemon=True)
        self.notices: list[str] = []
        self.changed = -1
        self.error = ""
        self._dsn = dsn

    def run(self) -> None:
        """Runs it, however long it is held."""
        try:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                connection.add_notice_handler(lambda notice: self.notices.append(notice.message_primary or ""))
                self.changed = connection.execute(SQL).rowcount
        except psycopg.Error as error:
            self.error = str(error)


def show_hold(stage: Stage, console: Console) -> bool:
    """A hold and its approval; whether it went as it should."""
    console.rule("[bold]Held: a change in production takes a second person")
    console.print(Text(SQL, style="cyan"))
    asker, approver = stage.visitors[0], stage.visitors[2]
    waiting = _Waiting(stage.dsn(asker))
    waiting.start()
    try:
        request = _asked(stage, approver)
        if request is None:
            console.print(f"[red]nobody was asked: {waiting.error or waiting.changed}")
            return False
        _show(console, asker, request)
        held = waiting.is_alive()
        answered = _api(
            stage, approver, "POST", f"/v1/requests/{request['id']}/approve", {"reason": "the customer agreed"}
        )
    except Failure as failure:
        console.print(f"[red]{failure}")
        return False
    waiting.join(_SECONDS)
    console.print(Text(f"{approver.title} approves: {answered['votes'][0]['reason']}", style="magenta"))
    console.print(f"{waiting.changed} row changed" if waiting.changed >= 0 else f"[red]{waiting.error}")
    return held and waiting.changed == 1 and any(request["id"] in notice for notice in waiting.notices)


def _asked(stage: Stage, approver: Visitor) -> dict[str, Any] | None:
    """The request, once it is there and the database has said how many rows it would touch."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        for request in _api(stage, approver, "GET", "/v1/requests?state=open"):
            if request["detail"]["estimated_rows"] is not None:
                return dict(request)
        time.sleep(_LOOK_SECONDS)
    return None


def _show(console: Console, asker: Visitor, request: dict[str, Any]) -> None:
    detail = request["detail"]
    touched = ", ".join(f"{one['table']} ({one['access']})" for one in detail["tables"])
    console.print(
        Text(
            f"{request['id']}: {request['requester']} ({asker.title}), for {request['purpose']}\n"
            f"touches {touched}, about {detail['estimated_rows']} row\n{detail['why']}",
            style="yellow",
        )
    )


def _api(stage: Stage, visitor: Visitor, method: str, path: str, body: object = None) -> Any:
    proof = base64.b64encode(f"{visitor.user}:{visitor.password}".encode()).decode()
    return gateways.ask(f"http://127.0.0.1:{stage.gateway.admin}", f"Basic {proof}", method, path, body)
