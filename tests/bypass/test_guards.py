"""Every line of guards.txt: what is forbidden in production is refused, and nothing of it is done, asked of the server itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from canaries import found
from caselist import Case
from playing import Line, Stand, Tap, listed, raw
from wire import fields, rows

GUARDS = listed("guards")

_KEPT = (
    "pg_statistic_ext", "pg_authid", "pg_database", "pg_trigger", "pg_rewrite", "pg_policy", "pg_extension",
    "pg_foreign_server", "pg_event_trigger", "pg_subscription", "pg_file_settings", "pg_seclabels", "pg_auth_members",
    "pg_largeobject_metadata", "pg_db_role_setting", "pg_user_mapping", "pg_default_acl", "pg_namespace", "pg_publication",
    "pg_publication_rel", "pg_cast", "pg_language", "pg_foreign_data_wrapper", "public.people", "public.scratch",
    "(select slot_name from pg_replication_slots)", "(select last_value from public.counter)",
    "(select * from pg_attribute where attrelid >= 16384)", "(select * from pg_proc where oid >= 16384)",
    "(select * from pg_operator where oid >= 16384)",
    "(select oid, relname, relkind, relowner, relacl, relrowsecurity, relforcerowsecurity, relfilenode, relnamespace from pg_class)",
)  # fmt: skip
"""What nothing forbidden may change: rows, objects, roles, rights and settings."""

STATE = "select " + ", ".join(
    f"(select md5(coalesce(string_agg(t::text, ';' order by t::text), '')) from {kept} t)" for kept in _KEPT
)


_REFUSED = {"42501", "42601", "25P01", "25P02", "26000"}
"""Refused by policy, no one statement in the extended protocol, or only possible had another not been refused."""


def state(tap: Tap) -> list[list[bytes | None]]:
    """All that is kept, as the server has it; empty when a table of it is gone."""
    return rows(tap.simply(STATE))


@pytest.fixture(scope="module")
def watcher(stand: Stand) -> Iterator[Tap]:
    """A connection past the gateway."""
    with Tap(stand.past("guarded")) as tap:
        yield tap


@pytest.fixture(scope="module")
def last(watcher: Tap) -> list[list[list[bytes | None]]]:
    """The state after the case before, alone in a list."""
    return [state(watcher)]


@pytest.mark.parametrize("case", GUARDS, ids=str)
def test_what_is_forbidden_is_refused_and_not_done(
    line: Line, watcher: Tap, last: list[list[list[bytes | None]]], case: Case
) -> None:
    before = last[0]
    heard = line.play(case, "simple", "guarded")
    after = last[0] = state(watcher)
    assert heard[-1].kind == "Z"
    codes = {fields(message)["C"] for message in heard if message.kind == "E"}
    assert codes
    assert codes <= _REFUSED
    assert before
    assert after == before
    assert not found(raw(heard), case.text)


@pytest.mark.parametrize("case", [each for each in GUARDS if "alone" not in each.values[0].marks], ids=str)
def test_past_the_gateway_it_would_be_done(stand: Stand, case: Case) -> None:
    with Tap(stand.past("guarded")) as tap:
        tap.simply("begin")
        before = state(tap)
        for step in case.on("guarded", stand.server.port).steps:
            tap.simply("savepoint step")
            if tap.simply(step)[-1].body == b"E":
                tap.simply("rollback to step")
        after = state(tap)
        tap.simply("rollback")
    assert before
    assert (after != before) is ("still" not in case.marks)
