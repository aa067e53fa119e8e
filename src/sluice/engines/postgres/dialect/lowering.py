"""How expressions are lowered one inside the other; what becomes of each kind is in `expressions` and `documents`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sluice.engines.postgres.dialect.tree import Node, NotUnderstood, opened, qualified
from sluice.sql import ir

Wrapped = Mapping[str, Any]
Handler = Callable[["Lowering", Node], ir.Expr]


class Lowering:
    """Lowers expressions by `handlers`, one a kind of node, and nested queries by `query`; both are given from outside."""

    def __init__(self, query: Callable[[Wrapped], ir.Query], handlers: Mapping[str, Handler]) -> None:
        self._query = query
        self._handlers = handlers

    def expr(self, wrapped: Wrapped) -> ir.Expr:
        """One expression. Raises NotUnderstood."""
        if not wrapped:
            return ir.Constant()
        node = opened(wrapped)
        handler = self._handlers.get(node.kind)
        if handler is None:
            raise NotUnderstood(f"`{node.kind}` in an expression")
        found = handler(self, node)
        node.end()
        return found

    def maybe(self, wrapped: Wrapped | None) -> ir.Expr | None:
        """An expression that may be missing."""
        return None if not wrapped else self.expr(wrapped)

    def exprs(self, items: list[Wrapped] | None) -> list[ir.Expr]:
        """A list of expressions; empty places are nothing."""
        return [self.expr(item) for item in items or () if item]

    def varied(self, items: list[Wrapped] | None) -> list[ir.Expr]:
        """A list of which only the different items matter: of any number of literals the first is kept."""
        kept: list[Wrapped] = []
        literal = False
        for item in items or ():
            if "A_Const" not in item:
                kept.append(item)
            elif not literal:
                literal = True
                kept.append(item)
        return self.exprs(kept)

    def sorts(self, items: list[Wrapped] | None) -> list[ir.Expr]:
        """The expressions of ORDER BY items."""
        return [self.expr(item) for item in items or ()]

    def subscripts(self, items: list[Wrapped] | None) -> list[ir.Expr]:
        """The expressions in `[…]` behind a name or value; fields are passed over."""
        found: list[ir.Expr] = []
        for item in items or ():
            if "String" not in item:
                part = opened(item)
                if part.kind != "A_Indices":
                    raise NotUnderstood(f"`{part.kind}` behind a value")
                part.skip("is_slice")
                found += self.exprs([part.take("lidx") or {}, part.take("uidx") or {}])
                part.end()
        return found

    def query(self, wrapped: Wrapped) -> ir.Query:
        """A nested query."""
        return self._query(wrapped)

    def window(self, fields: Wrapped | None) -> tuple[list[ir.Expr], list[ir.Expr]]:
        """(partition, order) of a window definition, frame offsets among the latter."""
        if not fields:
            return [], []
        node = Node("WindowDef", fields)
        node.skip("name", "refname", "frameOptions")
        partition = self.exprs(node.take("partitionClause"))
        order = self.sorts(node.take("orderClause"))
        order += self.exprs([node.take("startOffset") or {}, node.take("endOffset") or {}])
        node.end()
        return partition, order


def type_name(fields: Wrapped) -> tuple[str | None, str]:
    """(schema, name) of a type; of an array, its elements'."""
    node = Node("TypeName", fields)
    found = qualified(node.take("names"))
    node.skip("typemod", "arrayBounds", "typmods")
    node.expect("setof", False, True)
    if node.take("pct_type"):
        raise NotUnderstood("%TYPE")
    node.end()
    return found
