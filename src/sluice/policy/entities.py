"""Cedar entities and context for one request: only those that the request can touch."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

import cedarpy

from sluice.model.columns import ColumnRef, TableRef
from sluice.model.identity import Identity
from sluice.policy.binding import Binding
from sluice.policy.labels import upward
from sluice.policy.request import Request, SourceInfo
from sluice.policy.schema import PRINCIPALS, schema
from sluice.sql.span import Confidence

_SYSTEM: Final = frozenset({"pg_catalog", "information_schema", "pg_toast"})
_MOST: Final = (1 << 63) - 1


class Uid(NamedTuple):
    """A Cedar entity by type and id; always handed to Cedar as a pair, never spliced into text."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}::{json.dumps(self.id)}"


_ROWS: Final = Uid("Rows", "session")


def joined(*names: str) -> str:
    """Names as one dotted id; a name that holds a dot or a quote is quoted, so no two things share an id."""
    return ".".join('"' + name.replace('"', '""') + '"' if "." in name or '"' in name else name for name in names)


class Entities:
    """Collects the entities of a request. Columns live in layers, one label of a column per layer.

    A question about a column is asked for each of its labels by itself: were they all parents at once, a permit for one
    label would open a column that carries a second.
    """

    def __init__(self, source: SourceInfo, binding: Binding) -> None:
        self._source = source
        self._binding = binding
        self._shared: dict[Uid, dict[str, Any]] = {}
        self._layers: list[dict[Uid, tuple[str, dict[str, Any]]]] = [{}]
        environment = self._add(Uid("Environment", source.environment), ())
        self.source = self._add(Uid("Source", source.name), (environment,))

    def _add(self, uid: Uid, parents: tuple[Uid, ...], **attrs: object) -> Uid:
        self._shared.setdefault(uid, _entity(uid, parents, attrs))
        return uid

    def principal(self, identity: Identity) -> Uid:
        """The entity of a caller, in its groups, its claims as tags."""
        uid = Uid(PRINCIPALS[identity.kind], identity.name)
        groups = tuple(self._add(Uid("Group", group), ()) for group in sorted(identity.groups))
        self._add(uid, groups, name=identity.name)
        self._shared[uid]["tags"] = dict(identity.claims)
        return uid

    def schema(self, name: str) -> Uid:
        """A schema of the source."""
        return self._add(Uid("Schema", joined(self._source.name, name)), (self.source,), **_place(name))

    def table(self, table: TableRef) -> Uid:
        """A relation of the source."""
        uid = Uid("Table", joined(self._source.name, *table))
        if uid not in self._shared:
            held = {label for column in self._binding.labelled_in(table) for label in self._binding.labels_of(column)}
            attrs = {**_place(table.schema), "name": table.table, "labels": _closed(held)}
            self._add(uid, (self.schema(table.schema),), **attrs)
        return uid

    def rows(self, request: Request) -> None:
        """How many rows of each label the session has had, as the tags of `context.session.rows`."""
        self._add(_ROWS, ())
        self._shared[_ROWS]["tags"] = dict(request.past.rows)

    def label(self, label: str) -> Uid:
        """A label, in the labels above it."""
        above = label.rpartition(".")[0]
        return self._add(Uid("Label", label), (self.label(above),) if above else ())

    def column(self, column: ColumnRef, label: str) -> tuple[Uid, int]:
        """A column as the bearer of one label (empty: of none), and the layer in which it is that."""
        uid = Uid("Column", joined(self._source.name, *column))
        free = (n for n, columns in enumerate(self._layers) if uid not in columns or columns[uid][0] == label)
        layer = next(free, len(self._layers))
        if layer == len(self._layers):
            self._layers.append({})
        if uid not in self._layers[layer]:
            parents = (self.table(column.relation), *((self.label(label),) if label else ()))
            self._layers[layer][uid] = (label, _entity(uid, parents, {"name": column.column}))
        return uid, layer

    def function(self, name: str) -> Uid:
        """A function by its dotted name; in its schema where the name says plainly which that is."""
        schema, _, own = name.partition(".")
        plain = bool(own) and "." not in own
        uid = Uid("Function", f"{joined(self._source.name)}.{name}")
        parent = self.schema(schema) if plain else self.source
        return self._add(uid, (parent,), name=name, system=schema in _SYSTEM)

    def layers(self, asked: Container[Uid]) -> list[cedarpy.Entities]:
        """One entity set per layer with the columns that are asked about, the actions included."""
        return [
            _actions().with_added_json_str(
                json.dumps([*self._shared.values(), *(entity for uid, (_, entity) in columns.items() if uid in asked)]),
                schema(),
            )
            for columns in self._layers
        ]


def context(request: Request, asked: Identity, label: str, approved: bool, agent: str) -> str:
    """The Cedar context of a question about `asked` (the caller, or who it acts for), as JSON."""
    span = request.span
    statement: dict[str, object] = {
        "verb": span.verb,
        "bounded": span.bounded,
        "opaque": span.confidence == Confidence.OPAQUE,
        "tables": len(span.tables),
        "functions": sorted(span.functions),
    }
    if span.row_bound is not None:
        statement["row_bound"] = min(span.row_bound, _MOST)
    client: dict[str, object] = {"application": request.client.application, "tls": request.client.tls}
    address = _address(request.client.address)
    if address:
        client["address"] = {"__extn": {"fn": "ip", "arg": address}}
    age = max(0, int(request.now - asked.authenticated_at))
    return json.dumps(
        {
            "purpose": request.purpose,
            "protocol": request.source.protocol,
            "label": label,
            "agent": agent,
            "approved": approved,
            "role": request.role,
            "time": {"__extn": {"fn": "datetime", "arg": _time(request.now)}},
            "weekday": (int(request.now) // 86_400 + 3) % 7 + 1,
            "client": client,
            "authentication": {"method": asked.method, "age": age},
            "statement": statement,
            "session": {"labels": _closed(request.past.labels), "rows": {"__entity": _ROWS._asdict()}},
            "literals": {"labels": _closed(request.literals)},
        }
    )


def _closed(labels: Iterable[str]) -> list[str]:
    """The labels and all above them."""
    return sorted({above for label in labels for above in upward(label)})


@cache
def _actions() -> cedarpy.Entities:
    return cedarpy.Entities.from_json_str("[]", schema())


def _entity(uid: Uid, parents: tuple[Uid, ...], attrs: dict[str, object]) -> dict[str, Any]:
    return {"uid": uid._asdict(), "attrs": attrs, "parents": [parent._asdict() for parent in parents]}


def _place(schema_name: str) -> dict[str, object]:
    temporary = schema_name == "pg_temp" or schema_name.startswith("pg_temp_")
    return {"name": schema_name, "system": schema_name in _SYSTEM, "temporary": temporary}


def _time(now: float) -> str:
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(text: str) -> str:
    """The address without a port or zone; empty for what is no IP address (a Unix socket)."""
    bare = text.partition("%")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return ""
