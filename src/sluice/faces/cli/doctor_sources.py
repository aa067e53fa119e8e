"""What `sluice doctor` looks at in a database: the upstream role, TLS, the clock, and the ways around the gateway."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from sluice.edges.config import Source
from sluice.faces.cli.database import Look, look
from sluice.faces.cli.findings import Finding
from sluice.faces.cli.statuses import Failure

_OLDEST, _NEWEST = 13, 18
_SKEW_WARN, _SKEW_FAIL = 2.0, 30.0
# Membership in these reads or writes past every grant, or leaves the database for its machine.
_STRONG_ROLES = (
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_signal_backend",
    "pg_monitor",
)


def source(name: str, given: Source) -> Iterator[Finding]:
    """Everything about one source."""
    about = f"source {name}"
    try:
        with look(name, given) as found:
            yield Finding(about, "ok", f"reached in {found.connected_ms:.0f} ms as `{given.user}`")
            for inspect in (_version, _role, _memberships, _tls, _clock, _around):
                yield from _tried(inspect, about, found, given)
    except Failure as failure:
        yield Finding(about, "fail", str(failure))


def _tried(inspect: Callable[..., Iterator[Finding]], about: str, found: Look, given: Source) -> Iterator[Finding]:
    try:
        yield from inspect(about, found, given)
    except Failure as failure:
        yield Finding(about, "warn", f"could not be looked into: {failure}")


def _version(about: str, found: Look, _given: Source) -> Iterator[Finding]:
    major = found.version // 10_000
    if not _OLDEST <= major <= _NEWEST:
        yield Finding(about, "fail", f"version {found.version_text}; {_OLDEST} to {_NEWEST} are supported")
    else:
        yield Finding(about, "ok", f"version {found.version_text}")


def _role(about: str, found: Look, given: Source) -> Iterator[Finding]:
    superuser, bypass, replication, create_role, create_db = found.one(
        "select rolsuper, rolbypassrls, rolreplication, rolcreaterole, rolcreatedb from pg_catalog.pg_roles"
        " where rolname = current_user"
    )
    bad = [
        (superuser, "fail", "a superuser: nothing in the database holds it back", "NOSUPERUSER"),
        (bypass, "fail", "not bound by row-level security", "NOBYPASSRLS"),
        (
            replication,
            "warn",
            "allowed to stream all data, which only replication through the gateway needs",
            "NOREPLICATION",
        ),
        (create_role, "warn", "allowed to make roles that log in around the gateway", "NOCREATEROLE"),
        (create_db, "warn", "allowed to make databases", "NOCREATEDB"),
    ]
    held = [(mark, text, fix) for has, mark, text, fix in bad if has]
    for mark, text, fix in held:
        yield Finding(
            about, "fail" if mark == "fail" else "warn", f"the role `{given.user}` is {text}; alter it to {fix}"
        )
    if not held:
        yield Finding(about, "ok", f"the role `{given.user}` has no special power")


def _memberships(about: str, found: Look, given: Source) -> Iterator[Finding]:
    member = {
        row[0]
        for row in found.rows(
            "select r.rolname from pg_catalog.pg_roles r where pg_catalog.pg_has_role(r.oid, 'MEMBER')"
            " and not (select rolsuper from pg_catalog.pg_roles where rolname = current_user)"
        )
    }
    for role in _STRONG_ROLES:
        if role in member:
            text = f"the role `{given.user}` is a member of `{role}`, which passes by what is granted; revoke it"
            yield Finding(about, "warn", text)


def _tls(about: str, found: Look, given: Source) -> Iterator[Finding]:
    if given.local:
        yield Finding(about, "ok", "the way to it stays on this machine")
    elif not found.tls:
        yield Finding(about, "fail", "rows cross the network in clear; set `tls.mode` to `verify-full`")
    elif given.tls_mode != "verify-full":
        yield Finding(about, "warn", f"encrypted, but `{given.tls_mode}` does not prove which server it is")
    else:
        yield Finding(about, "ok", "encrypted, and the server proved who it is")


def _clock(about: str, found: Look, _given: Source) -> Iterator[Finding]:
    before = time.time()
    (there,) = found.one("select extract(epoch from pg_catalog.clock_timestamp())::float8")
    after = time.time()
    # The answer was made somewhere between asking and hearing it.
    skew = max(0.0, before - float(there), float(there) - after)
    if skew > _SKEW_FAIL:
        yield Finding(about, "fail", f"its clock and this machine's differ by {skew:.0f} s; tokens and logs go wrong")
    elif skew > _SKEW_WARN:
        yield Finding(about, "warn", f"its clock and this machine's differ by {skew:.0f} s")
    else:
        yield Finding(about, "ok", "its clock agrees with this machine's")


def _around(about: str, found: Look, given: Source) -> Iterator[Finding]:
    """Who could log in to the database without the gateway, and from where."""
    addresses, here = found.one(
        "select pg_catalog.current_setting('listen_addresses', true), pg_catalog.inet_server_addr()::text"
    )
    others = found.rows(
        "select rolname from pg_catalog.pg_roles where rolcanlogin and rolname <> current_user"
        " and pg_catalog.has_database_privilege(oid, pg_catalog.current_database(), 'CONNECT') order by rolname"
    )
    local = {part.strip() for part in (addresses or "").split(",")} <= {"", "localhost", "127.0.0.1", "::1"}
    if not others:
        yield Finding(about, "ok", f"no role but `{given.user}` may log in to it")
        return
    names = ", ".join(f"`{row[0]}`" for row in others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    text = f"{len(others)} other roles may log in to it around the gateway: {names}"
    if local:
        yield Finding(about, "warn", f"{text}; from its own machine alone, since it listens on loopback")
    else:
        place = f"at {here} " if here else ""
        advice = f"let pg_hba.conf admit only `{given.user}` from the gateway's address, or give the others NOLOGIN"
        yield Finding(about, "warn", f"{text}; it listens {place}on `{addresses}`; {advice}")
