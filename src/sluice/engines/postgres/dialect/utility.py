"""Everything that is not a query: what it is called, what group of actions it belongs to, what it does to the session.

A statement kind that is in no table here is opaque. `BY_NAME` are the kinds of which the kind alone says enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sluice.engines.postgres.dialect import kinds
from sluice.engines.postgres.dialect.embedded import embedded
from sluice.engines.postgres.dialect.lowering import type_name
from sluice.engines.postgres.dialect.queries import QUERIES, low, query, table
from sluice.engines.postgres.dialect.settings import sets_search_path
from sluice.engines.postgres.dialect.tree import Node, NotUnderstood, names, opened, qualified
from sluice.sql import bodies, ir
from sluice.sql.span import CopyShape, SessionEffect

Wrapped = Mapping[str, Any]
Group = Literal["read", "write", "define", "destroy", "administer", "session"]

_CATALOG = (SessionEffect("catalog"),)


def body(wrapped: Wrapped) -> bodies.Body:
    """A statement. Raises NotUnderstood."""
    if "SelectStmt" in wrapped:
        return _set_path() if sets_search_path(wrapped["SelectStmt"]) else _select(wrapped)
    node = opened(wrapped)
    handler = STATEMENTS.get(node.kind)
    if handler is not None:
        found = handler(node)
        node.end()
        return found
    return _by_name(node)


def _by_name(node: Node) -> bodies.Body:
    kind = node.kind
    if kind in kinds.DEFINE_AT:
        return _defines(bodies.Utility(kinds.DEFINE_AT[kind], "define", _relations(node), _CATALOG), node.rest())
    if kind in kinds.ADMINISTER:
        return bodies.Utility(
            kinds.ADMINISTER[kind], "administer", _relations(node), (*_CATALOG, SessionEffect("context"))
        )
    if kind in kinds.DESTROY:
        return bodies.Utility(kinds.DESTROY[kind], "destroy", [], (*_CATALOG, SessionEffect("context")))
    if kind in kinds.OPAQUE:
        effects = (*_CATALOG, SessionEffect("context"))
        return bodies.Utility(
            kinds.OPAQUE[kind], "administer", [], effects, clear=False, reason=f"`{kinds.OPAQUE[kind]}` runs code"
        )
    raise NotUnderstood(f"`{kind}`")


def _defines(utility: bodies.Utility, rest: Wrapped, others: str = "read") -> bodies.Utility:
    """Adds what stands in the rest of a statement to what is known of it; `others` is what happens to tables named there."""
    found = embedded(rest)
    utility.tables += [(item, others) for item in found.tables]
    utility.exprs += found.exprs
    utility.columns += tuple(found.columns)
    return utility


def _relations(node: Node) -> list[tuple[ir.Table, str]]:
    for key in ("relation", "sequence"):
        fields = node.take(key)
        if isinstance(fields, dict) and "relname" in fields:
            return [(table(fields), "define")]
    return []


def _transaction(node: Node) -> bodies.Body:
    found = kinds.TRANSACTIONS.get(node.take("kind"))
    if found is None:
        raise NotUnderstood("two-phase commit")
    node.skip("options", "savepoint_name", "gid", "chain")
    return bodies.Utility(found[0], "session", effects=found[1])


def _set(node: Node) -> bodies.Body:
    kind, name = node.take("kind"), str(node.take("name", "")).lower()
    args = node.take("args")
    node.skip("is_local")
    if kind == "VAR_RESET_ALL":
        return bodies.Utility("reset", "session", effects=(SessionEffect("reset", ("*",)), SessionEffect("context")))
    if kind == "VAR_SET_MULTI":
        return bodies.Utility("set transaction", "session")
    if name in ("role", "session_authorization"):
        resets = kind in ("VAR_RESET", "VAR_SET_DEFAULT") or _first_text(args) == "none"
        return bodies.Utility(
            "set role", "session" if resets else "administer", effects=(SessionEffect("role"), SessionEffect("context"))
        )
    verb = "reset" if kind == "VAR_RESET" else "set"
    effects: tuple[SessionEffect, ...] = (SessionEffect(verb, (name,)),)
    if name in ("search_path", "temp_tablespaces"):
        effects += (SessionEffect("context"),)
    return bodies.Utility(verb, "session" if name in kinds.HARMLESS_SETTINGS else "administer", effects=effects)


def _set_path() -> bodies.Body:
    effects = (SessionEffect("set", ("search_path",)), SessionEffect("context"))
    return bodies.Utility("set", "session", effects=effects, outputs=("set_config",))


def _first_text(args: list[Wrapped] | None) -> str:
    for item in args or ():
        value = item.get("A_Const", {}).get("sval", {})
        return str(value.get("sval", ""))
    return ""


def _show(node: Node) -> bodies.Body:
    name = str(node.take("name", "")).lower()
    if "." in name:
        # Anybody may have put anything into a setting of an extension's.
        return bodies.Utility("show", "read", outputs=(name,), clear=False, reason=f"`{name}` may hold anything")
    outputs = ("name", "setting", "description") if name == "all" else (name,)
    clear, free = name != "all" and name not in kinds.SECRET_SETTINGS, name in kinds.FREE_SETTINGS
    return bodies.Utility("show", "session", outputs=outputs, clear=clear, reason="settings hold secrets", free=free)


def _discard(node: Node) -> bodies.Body:
    target = {"DISCARD_ALL": "all", "DISCARD_TEMP": "temp", "DISCARD_PLANS": "plans", "DISCARD_SEQUENCES": "sequences"}
    what = target.get(node.take("target", "DISCARD_ALL"), "all")
    return bodies.Utility("discard", "session", effects=(SessionEffect("discard", (what,)), SessionEffect("context")))


def _listen(node: Node) -> bodies.Body:
    verb = {"ListenStmt": "listen", "UnlistenStmt": "unlisten", "NotifyStmt": "notify"}[node.kind]
    node.skip("payload")
    return bodies.Utility(verb, "session", effects=(SessionEffect(verb, (node.take("conditionname") or "*",)),))


def _deallocate(node: Node) -> bodies.Body:
    node.skip("isall")
    return bodies.Utility("deallocate", "session", effects=(SessionEffect("deallocate", (node.take("name") or "*",)),))


def _close(node: Node) -> bodies.Body:
    return bodies.Utility("close", "session", effects=(SessionEffect("close", (node.take("portalname") or "*",)),))


def _constraints(node: Node) -> bodies.Body:
    node.skip("constraints", "deferred")
    return bodies.Utility("set constraints", "session")


def _fetch(node: Node) -> bodies.Body:
    node.skip("direction", "howMany")
    return bodies.Recall("fetch", node.take("portalname"), moves=bool(node.take("ismove")))


def _declare(node: Node) -> bodies.Body:
    options = int(node.take("options", 0))
    return bodies.Keep("declare", node.take("portalname"), _run(node.take("query")), hold=bool(options & 0x0020))


def _prepare(node: Node) -> bodies.Body:
    types = tuple(type_name(item["TypeName"]) for item in node.take("argtypes") or ())
    return bodies.Keep("prepare", node.take("name"), body(node.take("query")), types=types)


def _execute(node: Node) -> bodies.Body:
    return bodies.Recall("execute", node.take("name"), low.exprs(node.take("params")))


def _run(wrapped: Wrapped) -> bodies.Body:
    return bodies.Run(query(wrapped))


def _select(wrapped: Wrapped) -> bodies.Body:
    """A query at the top; SELECT INTO makes a table."""
    fields = wrapped.get("SelectStmt", {})
    into = fields.get("intoClause") or _into_of(fields)
    if not into:
        return _run(wrapped)
    return _create_from("select into", into, {"SelectStmt": _without_into(fields)})


def _into_of(fields: Wrapped) -> Wrapped | None:
    left = fields.get("larg")
    return None if not left else left.get("intoClause") or _into_of(left)


def _without_into(fields: Wrapped) -> Wrapped:
    kept = {key: value for key, value in fields.items() if key != "intoClause"}
    if kept.get("larg"):
        kept["larg"] = _without_into(kept["larg"])
    return kept


def _create_from(verb: str, into: Wrapped, wrapped: Wrapped, stores: bool = True) -> bodies.Body:
    node = Node("IntoClause", into)
    relation = node.take("rel")
    node.skip("accessMethod", "options", "onCommit", "tableSpaceName")
    columns = names(node.take("colNames"))
    stores = stores and not node.take("skipData")
    node.end()
    schema = "pg_temp" if relation.get("relpersistence") == "t" else relation.get("schemaname")
    if "ExecuteStmt" in wrapped:
        executed = opened(wrapped)
        name, args = executed.take("name"), low.exprs(executed.take("params"))
        executed.end()
        return bodies.CreateFrom(verb, schema, relation["relname"], None, columns, executes=name, args=args)
    return bodies.CreateFrom(verb, schema, relation["relname"], query(wrapped), columns, stores=stores)


def _create_as(node: Node) -> bodies.Body:
    node.skip("is_select_into", "if_not_exists")
    verb = "create materialized view" if node.take("objtype") == "OBJECT_MATVIEW" else "create table as"
    return _create_from(verb, node.take("into"), node.take("query"))


def _view(node: Node) -> bodies.Body:
    node.skip("replace", "options", "withCheckOption")
    relation = node.take("view")
    schema = "pg_temp" if relation.get("relpersistence") == "t" else relation.get("schemaname")
    return bodies.CreateFrom(
        "create view", schema, relation["relname"], query(node.take("query")), names(node.take("aliases")), stores=False
    )


def _explain(node: Node) -> bodies.Body:
    said = {"analyze": False, "costs": True, "settings": False}
    for item in node.take("options") or ():
        option = item["DefElem"]
        if option["defname"] in said:
            arg = option.get("arg", {})
            value: dict[str, Any] = next(iter(arg.values()), {}) if arg else {}
            word = str(value.get("sval", value.get("ival", value.get("boolval", "true")))).lower()
            said[option["defname"]] = word not in ("false", "off", "0")
    inner = node.take("query")
    return bodies.Explain(body(inner), **said)


def _copy(node: Node) -> bodies.Body:
    incoming = bool(node.take("is_from"))
    relation, selected = node.take("relation"), node.take("query")
    where = low.maybe(node.take("whereClause"))
    if selected and (relation or where is not None):
        raise NotUnderstood("COPY of a query with a table or a condition")
    file, program = node.take("filename"), node.take("is_program")
    shape = _copy_shape(incoming, node.take("options"))
    return bodies.Copy(
        shape,
        table(relation) if relation else None,
        names(node.take("attlist")),
        query(selected) if selected else None,
        where,
        server_side=bool(file or program),
    )


def _copy_shape(incoming: bool, options: list[Wrapped] | None) -> CopyShape:
    said: dict[str, str] = {}
    for item in options or ():
        option = item["DefElem"]
        name, arg = option["defname"], option.get("arg")
        value: dict[str, Any] = next(iter(arg.values()), {}) if arg else {}
        said[name] = (
            str(value.get("sval", value.get("ival", value.get("boolval", "true"))))
            if isinstance(value, dict)
            else "true"
        )
    form = said.get("format", "text").lower()
    if form not in ("text", "csv", "binary"):
        raise NotUnderstood(f"COPY in format {form}")
    csv = form == "csv"
    quote = said.get("quote", '"')
    header = said.get("header", "false").lower()
    return CopyShape(
        "in" if incoming else "out",
        "csv" if csv else "binary" if form == "binary" else "text",
        said.get("delimiter", "," if csv else "\t"),
        said.get("null", "" if csv else "\\N"),
        quote,
        said.get("escape", quote),
        header not in ("false", "off", "0"),
        "force_quote" in said,
        said.get("encoding", ""),
    )


def _truncate(node: Node) -> bodies.Body:
    node.skip("restart_seqs", "behavior")
    tables = [(table(item["RangeVar"]), "truncate") for item in node.take("relations")]
    return bodies.Utility("truncate", "destroy", tables)


def _drop(node: Node) -> bodies.Body:
    kind = node.take("removeType")
    node.skip("missing_ok", "behavior", "concurrent")
    tables: list[tuple[ir.Table, str]] = []
    for item in node.take("objects"):
        if kind in kinds.RELATIONS and "List" in item:
            schema, name = qualified(item["List"]["items"])
            tables.append((ir.Table(schema, name), "destroy"))
    return bodies.Utility(kinds.DROPS.get(kind, "drop"), "destroy", tables, (*_CATALOG, SessionEffect("context")))


def _lock(node: Node) -> bodies.Body:
    node.skip("nowait")
    mode = int(node.take("mode", 8))
    tables = [(table(item["RangeVar"]), "read") for item in node.take("relations")]
    # ACCESS SHARE and ROW SHARE hold up nobody's reading or writing.
    return bodies.Utility("lock", "session" if mode <= 2 else "administer", tables)


def _vacuum(node: Node) -> bodies.Body:
    is_vacuum = bool(node.take("is_vacuumcmd"))
    node.skip("options", "rels")
    return bodies.Utility("vacuum" if is_vacuum else "analyze", "administer")


def _create_schema(node: Node) -> bodies.Body:
    if node.take("schemaElts"):
        raise NotUnderstood("CREATE SCHEMA with its contents")
    node.skip("schemaname", "authrole", "if_not_exists")
    return bodies.Utility("create schema", "define", [], (*_CATALOG, SessionEffect("context")))


def _alter_table(node: Node) -> bodies.Body:
    group: Group = "define"
    clear = True
    commands = node.take("cmds") or ()
    for item in commands:
        command = item.get("AlterTableCmd", {})
        sort = command.get("subtype", "")
        if sort in ("AT_DropColumn", "AT_AlterColumnType", "AT_DropConstraint") and group == "define":
            group = "destroy"
        if sort.startswith(kinds.GUARDS):
            group = "administer"
        # A column computed from others (GENERATED) or a partition attached carries values along.
        clear = clear and sort not in ("AT_AttachPartition", "AT_SetExpression")
        clear = clear and not (sort == "AT_AddColumn" and "GENERATED" in str(command.get("def")))
    node.skip("objtype", "missing_ok")
    tables = [(table(node.take("relation")), "destroy" if group == "destroy" else "define")]
    utility = bodies.Utility("alter table", group, tables, _CATALOG, clear=clear, reason=_REWRITES)
    parts = [item["AlterTableCmd"] for item in commands]
    utility.rewrites = [_retyped(part) for part in parts if part.get("subtype") == "AT_AlterColumnType"]
    joins = any(part.get("subtype") in kinds.INHERITANCE for part in parts)
    return _defines(utility, {"cmds": commands}, "define" if joins else "read")


def _retyped(command: Wrapped) -> tuple[str, ir.Expr]:
    """A column given another type, and what its values become: USING, or the values themselves converted."""
    column = command["def"]["ColumnDef"]
    using = column.get("raw_default")
    return command["name"], ir.Cast(
        low.expr(using) if using else ir.Name((command["name"],)), *type_name(column["typeName"])
    )


def _alter_domain(node: Node) -> bodies.Body:
    # Its values are in the columns of any table; a new check looks at all of them.
    checks = node.take("subtype") in ("C", "V")
    utility = bodies.Utility(
        "alter domain", "define", effects=_CATALOG, clear=not checks, reason="a check on the values of a domain"
    )
    return _defines(utility, node.rest())


_REWRITES = "the table is rewritten by an expression"


def _queried(kind: str) -> Callable[[Node], bodies.Body]:
    return lambda node: bodies.Run(QUERIES[kind](node))


STATEMENTS: dict[str, Callable[[Node], bodies.Body]] = {
    **{kind: _queried(kind) for kind in QUERIES if kind != "SelectStmt"},
    "TransactionStmt": _transaction,
    "VariableSetStmt": _set,
    "VariableShowStmt": _show,
    "DiscardStmt": _discard,
    "ListenStmt": _listen,
    "UnlistenStmt": _listen,
    "NotifyStmt": _listen,
    "DeallocateStmt": _deallocate,
    "ClosePortalStmt": _close,
    "ConstraintsSetStmt": _constraints,
    "FetchStmt": _fetch,
    "DeclareCursorStmt": _declare,
    "PrepareStmt": _prepare,
    "ExecuteStmt": _execute,
    "CreateTableAsStmt": _create_as,
    "ViewStmt": _view,
    "ExplainStmt": _explain,
    "CopyStmt": _copy,
    "TruncateStmt": _truncate,
    "DropStmt": _drop,
    "LockStmt": _lock,
    "VacuumStmt": _vacuum,
    "CreateSchemaStmt": _create_schema,
    "AlterTableStmt": _alter_table,
    "AlterDomainStmt": _alter_domain,
}
"""Statements that are more than their name, and how they are read."""
