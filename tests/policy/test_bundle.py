"""Slices of a bundle decide as the whole would, and know what columns they may bar."""

from __future__ import annotations

import pytest

from sluice.policy.bundle import Scope
from sluice.policy.load import load_policies

from .casework import starter_policies

ME = Scope("User", "me", frozenset({"staff"}), "shop", "production")


def kept(scope: str, effect: str = "permit") -> bool:
    bundle = load_policies({"p.cedar": f'@id("a") {effect} ({scope});'})
    made = bundle.slice(ME)
    assert repr(made.statements) == repr(made.columns)
    return "PolicySet(<1 " in repr(made.statements)


@pytest.mark.parametrize(
    "scope",
    [
        "principal, action, resource",
        'principal == User::"me", action, resource',
        'principal in Group::"staff", action, resource',
        'principal is User in Group::"staff", action, resource',
        'principal in User::"me", action, resource',
        'principal, action, resource in Source::"shop"',
        'principal, action, resource in Environment::"production"',
        'principal, action, resource is Table in Environment::"production"',
        'principal, action, resource == Table::"shop.a.b"',
        'principal, action, resource in Label::"pii"',
    ],
)
def test_a_policy_that_could_apply_is_kept(scope: str) -> None:
    assert kept(scope)


@pytest.mark.parametrize(
    "scope",
    [
        'principal == User::"other", action, resource',
        'principal == Service::"me", action, resource',
        'principal in Group::"others", action, resource',
        "principal is Agent, action, resource",
        'principal is Agent in Group::"staff", action, resource',
        'principal, action, resource in Source::"other"',
        'principal, action, resource is Table in Environment::"staging"',
    ],
)
def test_a_policy_that_cannot_apply_is_left_out(scope: str) -> None:
    assert not kept(scope)


@pytest.mark.parametrize(
    ("action", "statements", "columns"),
    [
        ("action", True, True),
        ('action == Action::"reveal"', False, True),
        ('action in Action::"use"', False, True),
        ('action in Action::"read"', True, False),
        ('action in [Action::"select", Action::"launder"]', True, True),
        ('action == Action::"execute"', True, False),
    ],
)
def test_policies_are_parted_by_what_they_are_about(action: str, statements: bool, columns: bool) -> None:
    made = load_policies({"p.cedar": f'@id("a") permit (principal, {action}, resource);'}).slice(ME)
    found = ["PolicySet(<1 " in repr(handle) for handle in (made.statements, made.columns)]
    assert found == [statements, columns]


@pytest.mark.parametrize(
    ("policy", "bars"),
    [
        ("forbid (principal, action, resource)", True),
        ('forbid (principal, action == Action::"reveal", resource in Table::"shop.a.b")', True),
        ('forbid (principal, action in [Action::"use"], resource is Column)', True),
        ('forbid (principal, action in Action::"write", resource)', False),
        ('forbid (principal, action == Action::"reveal", resource in Label::"pii")', False),
        ('forbid (principal, action == Action::"reveal", resource is Column in Label::"pii")', False),
        ("forbid (principal, action, resource is Table)", False),
        ("permit (principal, action, resource)", False),
    ],
)
def test_a_slice_knows_whether_it_bars_unlabelled_columns(policy: str, bars: bool) -> None:
    assert load_policies({"p.cedar": f'@id("a") {policy};'}).slice(ME).bars_columns is bars


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ('resource == Column::"shop.a.b.c"', True),
        ('resource is Column && [Column::"shop.a.b.c"].contains(resource)', True),
        ('resource is Column && resource.name like "x*"', True),
        ('resource in Label::"pii"', False),
        ('resource in Table::"shop.a.b"', False),
        ('resource is Table && resource.system', False),
    ],
)  # fmt: skip
def test_a_slice_knows_whether_it_tells_columns_apart(condition: str, names: bool) -> None:
    text = f'@id("a") permit (principal, action, resource) when {{ {condition} }};'
    assert load_policies({"p.cedar": text}).slice(ME).names_columns is names


def test_slices_are_made_once_and_do_not_pile_up() -> None:
    bundle = load_policies(starter_policies())
    assert bundle.slice(ME) is bundle.slice(ME)
    for number in range(2_000):
        bundle.slice(ME._replace(name=f"user-{number}"))
    assert len(bundle._slices) <= 512
