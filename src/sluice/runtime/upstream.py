"""A connection to a database: socket, TLS, login. What comes back is ready for a session."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.edges.config import Source
from sluice.engines.postgres import startup
from sluice.engines.postgres.upstream_login import LoggedIn, LoginRefused, UpstreamLogin
from sluice.engines.postgres.wishes import Replication
from sluice.model.decision import Refusal
from sluice.runtime.control import reveal
from sluice.runtime.sides import Side
from sluice.runtime.tls import end_point, source_context

_SSL_REQUEST = (8).to_bytes(4, "big") + startup.SSL_REQUEST.to_bytes(4, "big")


class Unavailable(Exception):
    """The database cannot be reached or will not have us. `refusal` is for the client; `reason` for the log."""

    def __init__(self, refusal: Refusal, reason: str) -> None:
        super().__init__(reason)
        self.refusal = refusal
        self.reason = reason


@dataclass(slots=True)
class Upstream:
    """A logged-in connection."""

    side: Side
    login: LoggedIn


async def connect(
    name: str, source: Source, settings: Mapping[str, str], window: int, replication: Replication = ""
) -> Upstream:
    """Connects and logs in with these start-up settings, for replication if that is asked for. Raises Unavailable."""
    try:
        password = await asyncio.to_thread(reveal, source.password)
        async with asyncio.timeout(source.connect_timeout):
            side, binding = await _opened(source)
            side.transport.set_write_buffer_limits(high=window // 2)
            try:
                return await _login(name, _login_of(name, source, settings, password, binding, replication), side)
            except (Unavailable, OSError, asyncio.CancelledError):
                side.transport.abort()
                raise
    except TimeoutError as error:
        raise Unavailable(_down(name, "it did not answer in time"), "connect time-out") from error
    except (OSError, ssl.SSLError) as error:
        raise Unavailable(_down(name, "it cannot be reached"), str(error)) from error


def _down(name: str, why: str) -> Refusal:
    return Refusal(
        f"the database of source `{name}` is not available: {why}",
        hint="try again later, or ask the gateway's operators: `sluice sources` shows what it sees",
        code="08001",
    )


async def _opened(source: Source) -> tuple[Side, bytes | None]:
    loop = asyncio.get_running_loop()
    side = Side("upstream")
    if source.socket is not None:
        await loop.create_unix_connection(lambda: side, str(source.socket / f".s.PGSQL.{source.port}"))
        return side, None
    await loop.create_connection(lambda: side, source.host or "", source.port)
    context = source_context(source)
    if context is None:
        return side, None
    try:
        return await _encrypted(side, context, source.host or "")
    except (OSError, asyncio.CancelledError):
        side.transport.abort()
        raise


async def _encrypted(side: Side, context: ssl.SSLContext, host: str) -> tuple[Side, bytes | None]:
    side.transport.write(_SSL_REQUEST)
    answer = await side.read()
    # Exactly one byte: whatever came behind it was not said inside TLS.
    if answer != b"S":
        raise OSError(
            "the database does not offer TLS" if answer == b"N" else "the database did not answer the TLS request"
        )
    inside = Side("upstream")
    loop = asyncio.get_running_loop()
    transport = await loop.start_tls(side.transport, inside, context, server_hostname=host)
    if transport is None:
        raise OSError("the database went away during the TLS handshake")
    # A protocol that takes over is not told of its transport.
    inside.connection_made(transport)
    certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return inside, None if certificate is None else end_point(certificate)


def _login_of(
    name: str,
    source: Source,
    settings: Mapping[str, str],
    password: str | None,
    binding: bytes | None,
    replication: Replication,
) -> UpstreamLogin:
    private = binding is not None or source.local
    nonce = secrets.token_urlsafe(18)
    database = source.database or name
    return UpstreamLogin(source.user, database, settings, password, nonce, binding, private, replication)


async def _login(name: str, login: UpstreamLogin, side: Side) -> Upstream:
    side.transport.write(login.start())
    while True:
        data = await side.read()
        if not data:
            raise Unavailable(_down(name, "it closed the connection"), "closed during login")
        answer, outcome = login.feed(data)
        if answer:
            side.transport.write(answer)
        if isinstance(outcome, LoginRefused):
            side.transport.close()
            raise Unavailable(_refused(name, outcome), outcome.reason)
        if outcome is not None:
            return Upstream(side, outcome)


def _refused(name: str, outcome: LoginRefused) -> Refusal:
    code = outcome.fields.get("C", "08001")
    if code in ("53300", "57P03", "3D000"):
        return Refusal(outcome.reason, code=code)
    # Why the gateway's own login failed is the operators' business.
    return _down(name, "it refused the gateway's login")


async def cancel(source: Source, login: LoggedIn) -> None:
    """Asks the database to cancel what the connection runs; nothing is said about the outcome."""
    try:
        async with asyncio.timeout(source.connect_timeout):
            side, _ = await _opened(source)
            side.transport.write(startup.cancel(login.process_id, login.secret))
            while await side.read():
                pass
            side.transport.close()
    except (OSError, TimeoutError):
        return
