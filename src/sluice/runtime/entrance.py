"""From an accepted socket to a governed session: encryption, login, the database's connection, then the driver takes over."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluice.edges import credentials
from sluice.edges.credentials import Credential
from sluice.edges.identity import ANYBODY, Proof, Rejected, narrowed, settle_purpose
from sluice.edges.store import StoreError
from sluice.engines.postgres import login as steps
from sluice.engines.postgres import startup
from sluice.engines.postgres.login import ClientLogin, Method
from sluice.engines.postgres.oauth import ASKED
from sluice.engines.postgres.scram import Verifier
from sluice.engines.postgres.speak import report
from sluice.engines.registry import ENGINES
from sluice.model.decision import Refusal
from sluice.model.identity import Client, Identity
from sluice.policy.decide import may_connect
from sluice.runtime import upstream
from sluice.runtime.driver import Driver
from sluice.runtime.prelude import Opening, open_up
from sluice.runtime.sides import Side
from sluice.session.events import WorldChanged
from sluice.session.journal import Journal
from sluice.session.session import Session
from sluice.session.state import Caller
from sluice.session.world import World

if TYPE_CHECKING:
    from sluice.runtime.gateway import Gateway
    from sluice.runtime.listener import Listening

_FULL = Refusal("sorry, too many clients already", hint="try again later", code="53300")
_STOPPING = Refusal("the gateway is shutting down", hint="connect again later", code="57P03")
_LATE = Refusal("the login was not finished in time", hint="connect again", code="57014")
_TOO_MANY = Refusal("too many failed logins from here", hint="wait a minute, then try again", code="28000")


class Turned(Exception):
    """A login that ends here; everything has been said and noted."""


@dataclass(slots=True)
class Arrival:
    """A connection on its way in."""

    side: Side
    address: str
    tls: bool
    unwanted: bool
    """In clear where the listener takes only encrypted connections."""
    certificate: bytes | None
    login: ClientLogin
    told: Identity | None = None
    """What the caller's token said, or did when their credential was minted."""
    credential: Credential | None = None


async def admit(gateway: Gateway, listening: Listening, connection: socket.socket, address: str) -> None:
    """Takes one connection in, or turns it away. Never raises."""
    arrival: Arrival | None = None
    opening: Opening = "plain"
    try:
        async with asyncio.timeout(gateway.config.limits.login_seconds):
            opening = await open_up(connection, listening.context is not None)
            arrival = await _open(gateway, listening, connection, address, opening)
            if arrival is None:
                return
            proven, identity = await _prove(gateway, arrival)
        await _enter(gateway, arrival, proven, identity)
    except TimeoutError:
        gateway.metrics.connections.labels("timeout").inc()
        gateway.note_broken(address, "the login was not finished in time")
        if arrival is not None:
            arrival.side.transport.write(report(_LATE, "FATAL"))
            arrival.side.transport.close()
        elif opening == "plain":
            _say_and_shut(connection, _LATE)
        else:
            _shut(connection)
    except Turned:
        gateway.metrics.connections.labels("refused").inc()
    except (OSError, ssl.SSLError, ValueError) as error:
        gateway.metrics.connections.labels("broken").inc()
        gateway.note_broken(address, f"the connection broke: {type(error).__name__}")
        _shut(connection)


def _shut(connection: socket.socket) -> None:
    try:
        connection.close()
    except OSError:
        return


def turn_away(connection: socket.socket, stopping: bool) -> None:
    """Ends a connection that there is no room for, before it said anything."""
    _say_and_shut(connection, _STOPPING if stopping else _FULL)


def _say_and_shut(connection: socket.socket, refusal: Refusal) -> None:
    """Says why, in clear: clients read that in the place of an answer to their request for encryption too."""
    try:
        connection.send(report(refusal, "FATAL"))
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    _shut(connection)


async def _open(
    gateway: Gateway, listening: Listening, connection: socket.socket, address: str, opening: Opening
) -> Arrival | None:
    loop = asyncio.get_running_loop()
    if opening == "gone":
        connection.close()
        return None
    side = Side("client")
    inside = opening != "plain"
    # TLS set up on the raw socket: nothing said before it can be left in a buffer.
    await loop.connect_accepted_socket(lambda: side, connection, ssl=listening.context if inside else None)
    certificate = None
    if inside:
        session = side.transport.get_extra_info("ssl_object")
        certificate = session.getpeercert(binary_form=True)
        if opening == "direct-tls" and session.selected_alpn_protocol() != "postgresql":
            side.transport.abort()
            gateway.note_broken(address, "TLS begun directly without ALPN `postgresql`")
            return None
    nonce = secrets.token_urlsafe(18)
    login = ClientLogin(
        nonce,
        gateway.mock_secret,
        listening.end_point if inside else None,
        private=inside or listening.config.loopback,
        metadata=gateway.oauth,
    )
    tls = listening.config.tls
    unwanted = not inside and tls is not None and tls.required
    return Arrival(side, address, inside, unwanted, certificate, login)


async def _prove(gateway: Gateway, arrival: Arrival) -> tuple[steps.Proven, Identity]:
    login = arrival.login
    identity: Identity | Rejected | None = None
    pending: list[steps.Step] = []
    while True:
        while not pending:
            data = await arrival.side.read()
            if not data:
                raise Turned
            pending = login.feed(data)
        step = pending.pop(0)
        match step:
            case steps.Send(data):
                arrival.side.transport.write(data)
            case steps.WhoIs(user, _):
                pending += await _way(gateway, arrival, user)
            case steps.CheckToken(user, token):
                identity = await _by_token(gateway, arrival, user, token)
                pending += login.token_checked(identity.reason if isinstance(identity, Rejected) else "")
            case steps.Cancel(pid, secret):
                gateway.peers.cancel(pid, secret)
                arrival.side.transport.close()
                raise Turned
            case steps.Failed():
                _fail(gateway, arrival, step)
            case steps.Proven():
                if _waits(gateway, arrival, step.user):
                    # Guesses that ran side by side are worth no more than guesses in a row.
                    _fail(gateway, arrival, login.refuse(_TOO_MANY, "rate limit"))
                if arrival.credential is not None:
                    identity = gateway.credentials.holder(arrival.credential, step.database)
                if identity is None:
                    identity = gateway.directory.identity(step.user, step.method, time.time(), arrival.certificate)
                if not isinstance(identity, Rejected) and (why := gateway.standing.objection(identity)):
                    identity = Rejected(why)
                if isinstance(identity, Rejected):
                    _fail(
                        gateway, arrival, login.refuse(Refusal("the login is not valid", code="28000"), identity.reason)
                    )
                    raise Turned
                return step, _for_a_while(gateway, identity)


def _for_a_while(gateway: Gateway, identity: Identity) -> Identity:
    """No proof is good for ever: a password has no end of its own, and a certificate a distant one."""
    ends = time.time() + gateway.config.limits.session_seconds
    return replace(identity, expires_at=min(ends, identity.expires_at or ends))


async def _by_token(gateway: Gateway, arrival: Arrival, user: str, token: str) -> Identity | Rejected:
    if arrival.credential is not None:
        # Else whoever may choose a name at an issuer could choose that of a credential.
        return Rejected("a credential is proven by its password alone")
    await gateway.keyrings.before(gateway.tokens, token)
    told = await asyncio.to_thread(gateway.tokens.verify, token, time.time())
    if isinstance(told, Rejected):
        return told
    arrival.told = told
    return gateway.admitted(user, told)


def _waits(gateway: Gateway, arrival: Arrival, user: str) -> bool:
    return gateway.rate.wait(arrival.address, _person(user), time.time()) > 0


def _person(user: str) -> str:
    """Whose failures count: behind a name that everybody may use is nobody in particular, whom others could shut out."""
    return "" if user in ANYBODY else user


async def _way(gateway: Gateway, arrival: Arrival, user: str) -> list[steps.Step]:
    if _waits(gateway, arrival, user):
        return [arrival.login.refuse(_TOO_MANY, "rate limit")]
    if arrival.unwanted:
        hint = "connect with sslmode=require or stronger"
        return [
            arrival.login.refuse(
                Refusal("the gateway takes only encrypted connections here", hint=hint, code="28000"), "no TLS"
            )
        ]
    if credentials.is_name(user) and gateway.directory.account(user) is None:
        return await _by_credential(gateway, arrival, user)
    way = gateway.directory.way(user, arrival.certificate)
    if way.method in ("token", "oauth"):
        return arrival.login.method(Method.OAUTH if way.method == "oauth" else Method.TOKEN, None, way.doubt)
    if way.method == "certificate":
        return arrival.login.method(Method.CERTIFICATE, None, way.doubt)
    verifier = None if way.verifier is None else Verifier.parse(way.verifier)
    return arrival.login.method(Method.SCRAM, verifier, way.doubt)


async def _by_credential(gateway: Gateway, arrival: Arrival, user: str) -> list[steps.Step]:
    """A minted credential is asked for its password, whether there is one or not."""
    doubt = "there is no such credential, or it has ended"
    try:
        arrival.credential = await gateway.credentials.find(user)
    except StoreError as error:
        doubt = f"credentials cannot be read: {error}"
    found = arrival.credential
    if found is None:
        return arrival.login.method(Method.SCRAM, None, doubt)
    arrival.told = found.told
    return arrival.login.method(Method.SCRAM, Verifier.parse(found.verifier))


def _fail(gateway: Gateway, arrival: Arrival, failed: steps.Failed) -> None:
    if failed.reason not in ("rate limit", "the client went away", ASKED):
        gateway.peers.failed(arrival.address, _person(failed.user))
    gateway.note_failed_login(arrival.address, arrival.tls, failed)
    arrival.side.transport.write(failed.data)
    arrival.side.transport.close()
    raise Turned


async def _enter(gateway: Gateway, arrival: Arrival, proven: steps.Proven, identity: Identity) -> None:
    world, purpose, client = _judge(gateway, arrival, proven, identity)
    proof = _proof(arrival, proven, identity)
    identity = narrowed(identity, proven.purpose)
    source = gateway.config.sources[proven.database]
    display = f"sluice:{identity.display}"[:63]
    settings = dict(proven.settings)
    settings["application_name"] = f"{proven.application} ({display})"[:63] if proven.application else display
    settings["sluice.identity"], settings["sluice.purpose"] = identity.display, purpose
    window = gateway.config.limits.window_bytes
    try:
        other = await upstream.connect(proven.database, source, settings, window, proven.replication)
    except upstream.Unavailable as failure:
        gateway.log.warning("source unavailable", source=proven.database, reason=failure.reason)
        _fail_unfaulted(gateway, arrival, arrival.login.refuse(failure.refusal, failure.reason))
        raise Turned from failure
    caller = Caller(identity, purpose, client, secrets.token_hex(8), proven.user, proven.approval, proven.reason)
    _begin(gateway, arrival, proven, caller, world, other, proof)


def _proof(arrival: Arrival, proven: steps.Proven, identity: Identity) -> Proof:
    minted = arrival.credential
    if minted is None:
        return Proof(proven.user, identity, arrival.told, proven.purpose)
    return Proof("token", identity, minted.told, proven.purpose, minted.id, minted.purpose)


def _fail_unfaulted(gateway: Gateway, arrival: Arrival, failed: steps.Failed) -> None:
    """Ends a login that failed by no fault of the client's, so it costs no attempt."""
    gateway.note_failed_login(arrival.address, arrival.tls, failed)
    arrival.side.transport.write(failed.data)
    arrival.side.transport.close()


def _judge(gateway: Gateway, arrival: Arrival, proven: steps.Proven, identity: Identity) -> tuple[World, str, Client]:
    login = arrival.login
    purpose = settle_purpose(identity, proven.purpose)
    if isinstance(purpose, Rejected):
        _fail(gateway, arrival, login.refuse(Refusal(purpose.reason, code="28000"), purpose.reason))
        raise Turned
    world = gateway.worlds.of(proven.database)
    if proven.database not in gateway.config.sources:
        _fail(
            gateway,
            arrival,
            login.refuse(Refusal(f'database "{proven.database}" does not exist', code="3D000"), "unknown source"),
        )
    if world is None:
        refusal = Refusal(
            f"source `{proven.database}` cannot be reached, so nothing in it can be governed", code="08001"
        )
        _fail_unfaulted(gateway, arrival, login.refuse(refusal, "no catalog"))
        raise Turned
    client = Client(arrival.address, proven.application, arrival.tls)
    if proven.risky:
        named = ", ".join(f"`{name}`" for name in proven.risky)
        refusal = Refusal(
            f"start-up setting {named} would change who the session is", hint="leave it out", code="42501"
        )
        _fail(gateway, arrival, login.refuse(refusal, f"start-up setting {named}"))
    replication = bool(proven.replication)
    decision = may_connect(identity, purpose, world.source, client, world.snapshot, time.time(), replication)
    if decision.outcome != "allow":
        refusal = decision.refusal or Refusal("not permitted to connect", code="28000")
        _fail_unfaulted(
            gateway, arrival, login.refuse(refusal, f"policy: {', '.join(decision.policies) or 'none permits'}")
        )
        raise Turned
    return world, purpose, client


def _begin(
    gateway: Gateway,
    arrival: Arrival,
    proven: steps.Proven,
    caller: Caller,
    world: World,
    other: upstream.Upstream,
    proof: Proof,
) -> None:
    source = gateway.config.sources[proven.database]
    journal = Journal(
        caller.connection,
        proven.database,
        source.environment,
        caller.identity,
        caller.purpose,
        caller.client,
        caller.user,
    )
    engine = next(engine for engine in ENGINES if engine.name == source.engine)
    session = Session(engine, caller, world, journal, other.login.values, proven.replication, gateway.budgets.purse)
    client, up = arrival.side, other.side
    client.transport.set_write_buffer_limits(high=gateway.config.limits.window_bytes // 2)
    synced, stages = source.durability == "synced", gateway.metrics.stages
    driver = Driver(session, gateway.recorder, synced, gateway, client.transport, up.transport, stages)
    pid, secret = gateway.enter(
        driver, proven.database, other.login, len(other.login.secret) if proven.version > startup.PROTOCOL_3_0 else 4
    )
    client.transport.write(
        startup.authentication(0)
        + other.login.parameters
        + startup.key_data(pid, secret)
        + engine.voice.ready(other.login.status)
    )
    driver.start()
    _catch_up(gateway, driver, proven.database, world, proof)
    client.attach(driver)
    up.attach(driver)
    late = proven.leftover + client.leftover()
    if other.login.leftover:
        driver.upstream_bytes(other.login.leftover)
    if late:
        driver.client_bytes(late)
    if not driver.session.closed:
        gateway.pump.join(driver, client, up)
    gateway.metrics.connections.labels("admitted").inc()


def _catch_up(gateway: Gateway, driver: Driver, source: str, world: World, proof: Proof) -> None:
    """What changed while the database was being connected to has been told to nobody yet."""
    if driver.session.closed:
        return
    newest = gateway.worlds.of(source)
    if newest is not None and newest is not world:
        driver.happened(WorldChanged(newest, time.time()))
    if not driver.session.closed:
        gateway.standing.enter(driver, proof)
