"""A loaded set of policies, and the slice of it that can matter to one caller at one source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import cedarpy

from sluice.policy.annotations import Annotations
from sluice.policy.schema import COLUMN_ACTIONS

_MOST_SLICES = 512
_TIMED: Final = frozenset({"time", "weekday", "age"})
_KINDS: Final = ("User", "Service", "Agent")
_CONTEXT: Final = {"Var": "context"}
_SESSION: Final = {".": {"left": _CONTEXT, "attr": "session"}}
_METHOD: Final = {".": {"left": {".": {"left": {"Var": "context"}, "attr": "authentication"}}, "attr": "method"}}
_COLUMN_SCOPES: Final = frozenset({"Column", "Table", "Schema", "Source", "Environment"})
_COLUMN_ACTIONS: Final = frozenset({*COLUMN_ACTIONS, "use"})


class Slice(NamedTuple):
    """The policies whose scope this caller and source can meet: those about columns, and those about all else.

    `bars_columns`: some forbid may hold for columns that carry no label. `names_columns`: some policy may tell one
    column from another in the same table by more than its label.
    """

    statements: cedarpy.PolicySet
    columns: cedarpy.PolicySet
    bars_columns: bool
    names_columns: bool


class Scope(NamedTuple):
    """What a slice is for: the principal's type, name and groups, the source and its environment."""

    kind: str
    name: str
    groups: frozenset[str]
    source: str
    environment: str


class PolicyBundle:
    """Policies that passed `load_policies`. Immutable but for a memo of slices, which holds nothing a caller could see.

    `annotations` and `origins` (file, line) are by policy id. `reads_time`: some decision may change with the
    clock alone, so it must not be kept for long. `counts_rows`: the types of principal for whom some decision may depend on
    how many rows a session has had. `reads_literals`: those for whom some may depend on what they send within a statement.
    """

    __slots__ = ("_policies", "_slices", "annotations", "counts_rows", "origins", "reads_literals", "reads_time")

    def __init__(
        self,
        policies: Mapping[str, Any],
        annotations: Mapping[str, Annotations],
        origins: Mapping[str, tuple[str, int]],
    ) -> None:
        self._policies = dict(policies)
        self._slices: dict[Scope, Slice] = {}
        self.annotations: Mapping[str, Annotations] = dict(annotations)
        self.origins: Mapping[str, tuple[str, int]] = dict(origins)
        self.reads_time = any(_reads_time(policy["conditions"]) for policy in policies.values())
        reading = [policy["principal"] for policy in policies.values() if _reads_literals(policy["conditions"])]
        self.reads_literals = frozenset(kind for kind in _KINDS if any(_may_be(one, kind) for one in reading))
        counting = [policy["principal"] for policy in policies.values() if _counts_rows(policy["conditions"])]
        self.counts_rows = frozenset(kind for kind in _KINDS if any(_may_be(one, kind) for one in counting))

    @property
    def ids(self) -> tuple[str, ...]:
        """All policy ids, sorted."""
        return tuple(sorted(self._policies))

    def __len__(self) -> int:
        return len(self._policies)

    def slice(self, scope: Scope) -> Slice:
        """The policies that can apply to a caller at a source.

        Cedar evaluates a policy's scope before its conditions, so those left out could neither decide nor err; leaving
        them out keeps a decision's cost flat in the number of policies.
        """
        known = self._slices.get(scope)
        if known is not None:
            return known
        kept = {name: policy for name, policy in self._policies.items() if _may_meet(policy, scope)}
        made = Slice(
            _handle({name: policy for name, policy in kept.items() if _about(policy, columns=False)}),
            _handle({name: policy for name, policy in kept.items() if _about(policy, columns=True)}),
            any(_bars_columns(policy) for policy in kept.values()),
            any(_names_columns(policy) for policy in kept.values()),
        )
        if len(self._slices) >= _MOST_SLICES:
            self._slices.clear()
        self._slices[scope] = made
        return made


def _entities(scope: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The entities that a principal or resource scope names; empty when it names none that narrow it."""
    found = scope.get("in", scope) if scope["op"] == "is" else scope
    listed = found.get("entities") or ([found["entity"]] if "entity" in found else [])
    return [(entity["type"], entity["id"]) for entity in listed]


def _may_be(principal: Mapping[str, Any], kind: str) -> bool:
    return bool(principal["op"] != "is" or principal["entity_type"] == kind)


def _may_meet(policy: Mapping[str, Any], scope: Scope) -> bool:
    principal, resource = policy["principal"], policy["resource"]
    if not _may_be(principal, scope.kind):
        return False
    named = _entities(principal)
    if named and not any(
        name in scope.groups if kind == "Group" else (kind, name) == (scope.kind, scope.name) for kind, name in named
    ):
        return False
    own = {"Source": scope.source, "Environment": scope.environment}
    named = _entities(resource)
    return not named or any(own.get(kind, name) == name for kind, name in named)


def _handle(policies: Mapping[str, Any]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"staticPolicies": policies, "templates": {}, "templateLinks": []})
    )


def _about(policy: Mapping[str, Any], columns: bool) -> bool:
    """Whether the action scope can meet actions on columns, or any other; one that names no action meets both."""
    named = {name for _, name in _entities(policy["action"])}
    return not named or bool(named & _COLUMN_ACTIONS if columns else named - _COLUMN_ACTIONS)


def _bars_columns(policy: Mapping[str, Any]) -> bool:
    if policy["effect"] != "forbid" or not _about(policy, columns=True):
        return False
    resource = policy["resource"]
    if resource["op"] == "is" and resource["entity_type"] != "Column":
        return False
    named = _entities(resource)
    return not named or any(kind in _COLUMN_SCOPES for kind, _ in named)


def _names_columns(node: object) -> bool:
    """Whether a policy names a column, or reads a name: all else that a column has, its table or label has too."""
    if isinstance(node, list):
        return any(_names_columns(each) for each in node)
    if not isinstance(node, dict):
        return False
    return node.get("type") == "Column" or node.get("attr") == "name" or any(map(_names_columns, node.values()))


def _counts_rows(node: object) -> bool:
    """Whether a condition looks at how many rows were had; a `context` or a `session` that is not taken apart counts."""
    if isinstance(node, list):
        return any(map(_counts_rows, node))
    if not isinstance(node, dict):
        return False
    for operator, value in node.items():
        if operator in (".", "has") and isinstance(value, dict) and value.get("left") == _SESSION:
            if value.get("attr") == "rows":
                return True
        elif operator in (".", "has") and isinstance(value, dict) and value.get("left") == _CONTEXT:
            if value.get("attr") == "session":
                return True
        elif node == _CONTEXT or _counts_rows(value):
            return True
    return False


def _reads_literals(node: object) -> bool:
    """Whether a condition looks at what the caller sends; a `context` that is not taken apart counts."""
    if isinstance(node, list):
        return any(map(_reads_literals, node))
    if not isinstance(node, dict):
        return False
    if node == _CONTEXT:
        return True
    for operator, value in node.items():
        if operator in (".", "has") and isinstance(value, dict) and value.get("left") == _CONTEXT:
            if value.get("attr") == "literals":
                return True
        elif _reads_literals(value):
            return True
    return False


def _reads_time(node: object) -> bool:
    """Whether a condition looks at the clock; a `context` that is not taken apart counts, since it holds the clock."""
    if isinstance(node, list):
        return any(_reads_time(each) for each in node)
    if not isinstance(node, dict):
        return False
    if node.get("Var") == "context":
        return True
    if node == _METHOD:
        return False
    for operator, value in node.items():
        if operator in (".", "has") and isinstance(value, dict) and value.get("left") == {"Var": "context"}:
            if value.get("attr") in _TIMED or value.get("attr") == "authentication":
                return True
        elif _reads_time(value):
            return True
    return False
