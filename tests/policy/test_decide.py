"""What holds for every decision, whatever the policies: it is closed on doubt, and more forbids never open anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.model.columns import ColumnRef, TableRef
from sluice.model.decision import Decision
from sluice.model.identity import Client, Identity
from sluice.model.masks import rank
from sluice.policy.binding import Binding
from sluice.policy.decide import Request, Snapshot, SourceInfo, decide, explain, may_connect
from sluice.policy.labels import load_labels
from sluice.policy.load import check, load_policies
from sluice.sql.span import Confidence, Flow, Output, Span, Touch, Use, Write

from .casework import NOON, cases, setting, starter_policies

SHOP = SourceInfo("shop", "production", "postgres")
CLIENT = Client("10.0.0.1", "psql", tls=True)
COLUMNS = [ColumnRef("public", table, name) for table in ("t", "u") for name in ("id", "email", "ssn", "both")]
BOOK = load_labels("labels:\n  pii: redact\n  pii.email: email\n  pii.ssn: {mask: partial, params: {keep_last: 4}}")
BINDING = Binding.of(
    {
        column: frozenset({"pii.email"} if column.column == "email" else {"pii.ssn"})
        | ({"pii.email"} if column.column == "both" else set())
        for column in COLUMNS
        if column.column != "id"
    }
)
ACTIONS = ["connect", "read", "select", "write", "insert", "destroy", "reveal", "aggregate", "use", "lookup", "launder"]
RESOURCES = [
    "resource",
    'resource in Source::"shop"',
    'resource in Table::"shop.public.t"',
    'resource == Column::"shop.public.t.email"',
    'resource in Label::"pii"',
    'resource in Label::"pii.ssn"',
]
CONDITIONS = [
    "",
    ' when { context.purpose == "x" }',
    " unless { context.approved }",
    " when { context.statement.bounded }",
]


@st.composite
def policies(draw: st.DrawFn, effect: str, prefix: str) -> list[str]:
    found = []
    for number in range(draw(st.integers(0, 5))):
        principal = draw(
            st.sampled_from(["principal", 'principal in Group::"g"', 'principal == User::"a"', "principal is Agent"])
        )
        listed = draw(st.lists(st.sampled_from(ACTIONS), min_size=0, max_size=4, unique=True))
        names = ", ".join(f'Action::"{name}"' for name in listed)
        action = f"action in [{names}]" if names else "action"
        resource = draw(st.sampled_from(RESOURCES))
        condition = draw(st.sampled_from(CONDITIONS))
        text = f'@id("{prefix}{number}") {effect} ({principal}, {action}, {resource}){condition};'
        found += [] if check({"p.cedar": text}) else [text]
    return found


@st.composite
def spans(draw: st.DrawFn) -> Span:
    columns = st.sampled_from(COLUMNS)
    flows = st.frozensets(st.builds(Flow, columns, st.sampled_from(["value", "aggregate"])), max_size=3)
    outputs = []
    for _ in range(draw(st.integers(0, 4))):
        plain = draw(st.none() | columns)
        outputs.append(
            Output("x", frozenset({Flow(plain, "value")}), plain)
            if plain
            else Output("x", draw(flows), None, draw(st.booleans()))
        )
    access = draw(st.sampled_from(["read", "insert", "update", "delete"]))
    return Span(
        "select",
        draw(st.sampled_from(["read", "write", "session", "destroy"])),
        draw(st.sampled_from(list(Confidence))),
        outputs=draw(st.none() | st.just(tuple(outputs))),
        tables=tuple(Touch(TableRef("public", name), access) for name in draw(st.sets(st.sampled_from("tu")))),
        uses=draw(st.frozensets(st.builds(Use, columns, st.sampled_from(["lookup", "join", "filter"])), max_size=2)),
        writes=tuple(draw(st.lists(st.builds(Write, columns, flows, st.booleans()), max_size=1))),
        bounded=draw(st.booleans()),
    )


USER = Identity("user", "a", frozenset({"g"}))
CALLERS = [
    USER,
    Identity("user", "b"),
    Identity("agent", "bot", frozenset({"g"}), on_behalf_of=USER),
    Identity("service", "job", frozenset({"g"})),
]


def world(texts: list[str]) -> Snapshot:
    return Snapshot(1, load_policies({"p.cedar": "\n".join(texts)}), {"shop": BINDING}, BOOK)


def request_of(span: Span, caller: Identity, purpose: str = "x") -> Request:
    return Request(caller, purpose, SHOP, CLIENT, span, now=NOON)


def no_wider(narrow: Decision, wide: Decision) -> bool:
    """Everything that `narrow` lets through, `wide` lets through at least as openly."""
    if narrow.outcome != "allow":
        return True
    if wide.outcome != "allow" or (wide.quiet_errors and not narrow.quiet_errors):
        return False
    if narrow.clear_unknown and not wide.clear_unknown:
        return False
    pairs = zip(narrow.masks or (), wide.masks or (), strict=True)
    return all(mine is not None if theirs else True for mine, theirs in pairs) and all(
        rank(mine.method) <= rank(theirs.method)
        for mine, theirs in zip(narrow.masks or (), wide.masks or (), strict=True)
        if mine and theirs
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies("permit", "p"), policies("forbid", "f"), spans(), st.sampled_from(CALLERS))
def test_adding_forbids_never_widens(permits: list[str], forbids: list[str], span: Span, caller: Identity) -> None:
    permits = ['@id("base") permit (principal, action in [Action::"connect", Action::"read"], resource);', *permits]
    request = request_of(span, caller)
    assert no_wider(decide(request, world(permits + forbids)), decide(request, world(permits)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies("permit", "p"), policies("forbid", "f"), spans())
def test_an_agent_gets_no_more_than_the_user_it_acts_for(permits: list[str], forbids: list[str], span: Span) -> None:
    snapshot = world(['@id("base") permit (principal, action, resource is Source);', *permits, *forbids])
    agent = Identity("agent", "bot", frozenset({"g"}), on_behalf_of=USER)
    assert no_wider(decide(request_of(span, agent), snapshot), decide(request_of(span, USER), snapshot))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(policies("permit", "p"), policies("forbid", "f"), spans(), st.sampled_from(CALLERS))
def test_policies_of_others_change_nothing(
    permits: list[str], forbids: list[str], span: Span, caller: Identity
) -> None:
    own = ['@id("base") permit (principal, action, resource is Source);', *permits, *forbids]
    others = [
        '@id("o1") permit (principal in Group::"others", action, resource);',
        '@id("o2") forbid (principal == User::"other", action, resource);',
        '@id("o3") forbid (principal, action, resource in Source::"other");',
        '@id("o4") permit (principal, action, resource in Environment::"staging");',
    ]
    request = request_of(span, caller)
    assert decide(request, world(own)) == decide(request, world(own + others))


def test_a_thousand_policies_decide_as_a_few_do() -> None:
    many = "\n".join(
        f'@id("team-{number}") permit (principal in Group::"team-{number}", action in Action::"read", resource in '
        f'Source::"source-{number}") when {{ context.purpose == "purpose-{number}" }};'
        for number in range(1_000)
    )
    small = load_policies(starter_policies())
    large = load_policies({**starter_policies(), "teams.cedar": many})
    assert len(large) == len(small) + 1_000
    for _, document, case in cases():
        if document["policies"] == "starter":
            request, snapshot = setting(document, case)
            assert decide(request, replace(snapshot, policies=large)) == decide(request, snapshot)


SELECT = Span("select", "read", Confidence.EXACT, outputs=(), tables=(Touch(TableRef("public", "t"), "read"),))


def assert_surprised(decision: Decision) -> None:
    assert decision.outcome == "refuse"
    assert decision.refusal is not None
    assert decision.refusal.code == "58000"
    assert decision.quiet_errors


def test_a_source_without_labels_bound_is_refused() -> None:
    snapshot = replace(world(['@id("a") permit (principal, action, resource);']), bindings={})
    assert_surprised(decide(request_of(SELECT, USER), snapshot))


def test_a_name_that_cannot_be_written_down_is_refused() -> None:
    snapshot = world(['@id("a") permit (principal, action, resource);'])
    assert_surprised(decide(request_of(SELECT, Identity("user", "\udc80")), snapshot))


def test_an_access_that_is_not_known_is_refused() -> None:
    snapshot = world(['@id("a") permit (principal, action, resource);'])
    strange: Any = "teleport"
    span = replace(SELECT, tables=(Touch(TableRef("public", "t"), strange),))
    assert_surprised(decide(request_of(span, USER), snapshot))


def test_a_caller_that_acts_for_itself_is_refused() -> None:
    snapshot = world(['@id("a") permit (principal, action, resource);'])
    loop = Identity("user", "a", frozenset({"dba"}), on_behalf_of=USER)
    assert_surprised(decide(request_of(SELECT, loop), snapshot))


@pytest.mark.parametrize("seconds", [-1, 0])
def test_an_expired_identity_is_refused_even_behind_an_agent(seconds: int) -> None:
    snapshot = world(['@id("a") permit (principal, action, resource);'])
    user = replace(USER, expires_at=NOON + seconds)
    for caller in (user, Identity("agent", "bot", on_behalf_of=user)):
        refusal = decide(request_of(SELECT, caller), snapshot).refusal
        assert refusal is not None
        assert refusal.code == "28000"
    assert decide(request_of(SELECT, replace(USER, expires_at=NOON + 1)), snapshot).outcome == "allow"


def test_a_chain_without_end_is_refused() -> None:
    snapshot = world(['@id("a") permit (principal, action, resource);'])
    identity = USER
    for number in range(10):
        identity = Identity("agent", f"bot-{number}", on_behalf_of=identity)
    assert_surprised(decide(request_of(SELECT, identity), snapshot))


def test_no_group_and_no_name_of_another_source_leaks_into_ids() -> None:
    """A schema named `a.b` and a table `c` are not the table `b.c` of the schema `a`."""
    snapshot = world(
        [
            '@id("a") permit (principal, action == Action::"connect", resource);',
            '@id("b") permit (principal, action, resource == Table::"shop.a.b.c");',
        ]
    )
    span = replace(SELECT, tables=(Touch(TableRef("a.b", "c"), "read"),))
    assert decide(request_of(span, USER), snapshot).outcome == "refuse"
    assert [asked.resource for asked in explain(request_of(span, USER), snapshot).asked][1] == (
        'Table::"shop.\\"a.b\\".c"'
    )


def test_a_source_with_a_dot_in_its_name_is_still_forbidden_by_it() -> None:
    texts = ['@id("a") permit (principal, action, resource);']
    forbid = '@id("b") forbid (principal, action in Action::"read", resource in Source::"eu.shop");'
    request = replace(request_of(SELECT, USER), source=SourceInfo("eu.shop", "production", "postgres"))
    for listed, outcome in ((texts, "allow"), ([*texts, forbid], "refuse")):
        snapshot = replace(world(listed), bindings={"eu.shop": BINDING})
        assert decide(request, snapshot).outcome == outcome


@pytest.mark.parametrize(("group", "outcome"), [("support", "allow"), ("strangers", "refuse")])
def test_connecting_is_decided_by_policy(group: str, outcome: str) -> None:
    snapshot = replace(world([]), policies=load_policies(starter_policies()))
    caller = Identity("user", "a", frozenset({group}))
    assert may_connect(caller, "", SHOP, CLIENT, snapshot, NOON).outcome == outcome


@pytest.mark.parametrize(
    ("actions", "outcome"),
    [
        ("connect", "refuse"),
        ("connect administer", "refuse"),
        ("connect replication", "refuse"),
        ("connect replication read", "refuse"),
        ("connect replication reveal", "refuse"),
        ("connect replication read reveal", "allow"),
    ],
)
def test_replication_takes_the_right_to_read_and_to_see_everything(actions: str, outcome: str) -> None:
    listed = ", ".join(f'Action::"{action}"' for action in actions.split())
    snapshot = world([f'@id("r") permit (principal, action in [{listed}], resource);'])
    assert may_connect(USER, "", SHOP, CLIENT, snapshot, NOON, for_replication=True).outcome == outcome


def test_a_forbid_of_one_column_s_label_stops_replication() -> None:
    texts = [
        '@id("a") permit (principal, action, resource);',
        '@id("b") forbid (principal, action == Action::"reveal", resource in Label::"pii");',
    ]
    assert may_connect(USER, "", SHOP, CLIENT, world(texts), NOON).outcome == "allow"
    assert may_connect(USER, "", SHOP, CLIENT, world(texts), NOON, for_replication=True).outcome == "refuse"


def test_the_starter_policies_let_nobody_replicate() -> None:
    snapshot = replace(world([]), policies=load_policies(starter_policies()))
    dba = Identity("user", "d", frozenset({"dba"}))
    assert may_connect(dba, "", SHOP, CLIENT, snapshot, NOON, for_replication=True).outcome == "refuse"
    assert may_connect(dba, "incident", SHOP, CLIENT, snapshot, NOON, for_replication=True).outcome == "refuse"


def test_an_error_text_never_quotes_the_request() -> None:
    snapshot = world(
        [
            '@id("a") permit (principal, action, resource);',
            '@id("b") forbid (principal, action, resource) when '
            "{ 9223372036854775807 + context.statement.tables > 0 };",
        ]
    )
    refusal = decide(request_of(SELECT, USER, "hush"), snapshot).refusal
    assert refusal is not None
    assert "hush" not in f"{refusal.message} {refusal.detail} {refusal.hint}"
