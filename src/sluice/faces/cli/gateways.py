"""One request to a gateway's API over HTTP, and what a failure of it means."""

from __future__ import annotations

import http.client
import json as json_text
import ssl
from typing import Any
from urllib.parse import urlsplit

from sluice.edges.config import Admin
from sluice.edges.config.parts import is_loopback
from sluice.faces.cli.statuses import Failure, Status

_SECONDS = 30


def local(admin: Admin) -> str:
    """The address of the API of a gateway whose configuration is here."""
    host = f"[{admin.address}]" if ":" in admin.address else admin.address
    return f"http://{host}:{admin.port}"


def ask(gateway: str, authorization: str, method: str, path: str, body: object = None, ca: str = "") -> Any:
    """What the API at this address (`https://…`, `http://` on loopback) answered. Raises Failure.

    `ca`: file with the CAs that prove it; empty: the system's do.
    """
    connection, base = _connection(gateway, ca)
    headers = {"content-type": "application/json"} | ({"authorization": authorization} if authorization else {})
    try:
        connection.request(method, base + path, None if body is None else json_text.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Failure(
            Status.UNREACHABLE,
            f"the gateway's API at {gateway} cannot be reached: {error}",
            "is `sluice serve` running there",
        ) from error
    finally:
        connection.close()
    if answer.status < 400:
        return json_text.loads(text)
    status = Status.UNREACHABLE if answer.status in (429, 503) else Status.FAILED
    raise Failure(status, _problem(text) or f"the gateway answered with status {answer.status}")


def _connection(gateway: str, ca: str) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(gateway)
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        host, port = "", None
    if parts.scheme == "https" and host:
        try:
            context = ssl.create_default_context(cafile=ca or None)
        except OSError as error:
            raise Failure(Status.USAGE, f"the CA in `{ca}` cannot be read: {error}") from error
        return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context), parts.path.rstrip("/")
    if parts.scheme == "http" and is_loopback(host):
        return http.client.HTTPConnection(host, port, timeout=_SECONDS), parts.path.rstrip("/")
    raise Failure(
        Status.USAGE, f"`{gateway}` is no address of a gateway", "expected `https://…` (`http://` on loopback alone)"
    )


def _problem(text: bytes) -> str:
    try:
        found = json_text.loads(text)
    except ValueError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""
