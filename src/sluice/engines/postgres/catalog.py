"""PostgreSQL's system catalogs as a `Catalog`: one query whose rows are JSON texts, read by whoever has a connection.

It works for an ordinary role on PostgreSQL 13 to 18, changes nothing and depends on no setting of the session but the
search path, which it reports, since view definitions are printed by it.
Source: https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sluice.engines.postgres.functions import Form, builtin, own
from sluice.sql.catalog import Catalog, Column, Function, Relation, RelationKind, TypeInfo, TypeKind

FIRST_USER_OID = 16384
"""Objects below are the server's own (FirstNormalObjectId in access/transam.h)."""

_OPERATORS = re.compile(r"(?<=\s)(=|<>|<|>=|\|\|)(?=\s)")


def _pinned(sql: str) -> str:
    """The query with every operator taken from pg_catalog, so that none on a client's search path stands in for it."""
    return _OPERATORS.sub(r"operator(pg_catalog.\1)", sql)


CATALOG_SQL = _pinned("""
with mine as (
    select c.oid, n.nspname, c.relname, c.relkind, c.reltype, c.relhasrules
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind = any ('{r,v,m,f,p,c,S}'::pg_catalog."char"[]) and n.nspname <> 'pg_toast'
), computed as (
    select d.adrelid, d.adnum, pg_catalog.json_agg(distinct p.refobjsubid) as reads
    from pg_catalog.pg_attrdef d join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    join pg_catalog.pg_depend p on p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and p.refobjid = d.adrelid
        and p.refobjsubid <> d.adnum and 0 < p.refobjsubid and (
            (p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and p.objid = d.oid)
            or (p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and p.objid = d.adrelid
                and p.objsubid = d.adnum))
    where a.attgenerated <> '' group by 1, 2
), columns as (
    select a.attrelid, pg_catalog.json_agg(pg_catalog.json_build_array(
        a.attname, a.attnum, a.atttypid::pg_catalog.int8, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.attgenerated <> '', g.reads) order by a.attnum) as list
    from pg_catalog.pg_attribute a join mine m on m.oid = a.attrelid
    left join computed g on g.adrelid = a.attrelid and g.adnum = a.attnum
    where 0 < a.attnum and not a.attisdropped group by 1
), functions as (
    select p.oid, n.nspname, p.proname, p.oid < 16384 as came, pg_catalog.json_build_array(
        p.provolatile::pg_catalog.text || p.prokind::pg_catalog.text, p.prorettype::pg_catalog.int8,
        case when p.proargmodes is not null then p.proargnames end, p.proargmodes, p.proretset) as form,
        p.provolatile = 'i' and p.prolang = any (array[12, 13]::pg_catalog.oid[]) as native
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
)
select pg_catalog.json_build_array('path', pg_catalog.current_schemas(true))::pg_catalog.text
union all
select pg_catalog.json_build_array('relation', m.oid::pg_catalog.int8, m.nspname, m.relname, m.relkind,
    m.reltype::pg_catalog.int8, m.relhasrules,
    exists (select from pg_catalog.pg_trigger t where t.tgrelid = m.oid and not t.tgisinternal),
    case when m.relkind = any ('{v,m}'::pg_catalog."char"[]) and m.oid >= 16384
        then pg_catalog.pg_get_viewdef(m.oid) end, c.list)::pg_catalog.text
from mine m left join columns c on c.attrelid = m.oid
union all
select pg_catalog.json_build_array('inherits', inhrelid::pg_catalog.int8, inhparent::pg_catalog.int8)::pg_catalog.text
from pg_catalog.pg_inherits
union all
select pg_catalog.json_build_array('type', t.oid::pg_catalog.int8, n.nspname, t.typname, t.typtype,
    t.typbasetype::pg_catalog.int8, t.typelem::pg_catalog.int8, t.typrelid::pg_catalog.int8,
    e.oid is not null or (t.oid < 16384 and t.typcategory = 'A' and t.typelem <> 0),
    exists (select from pg_catalog.pg_constraint k where k.contypid = t.oid))::pg_catalog.text
from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_type e on e.typarray = t.oid
union all
select pg_catalog.json_build_array('function', f.nspname, f.proname, f.came, pg_catalog.json_agg(f.form))::pg_catalog.text
from functions f group by f.nspname, f.proname, f.came
union all
select distinct pg_catalog.json_build_array('operator', n.nspname, o.oprname, f.nspname, f.proname, f.native)::pg_catalog.text
from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
left join functions f on f.oid = o.oprcode
where o.oid >= 16384
union all
select pg_catalog.json_build_array('cast', k.casttarget::pg_catalog.int8,
    case when k.castcontext <> 'e' and k.castsource >= 16384 then k.castsource::pg_catalog.int8 end,
    f.nspname, f.proname, f.native)::pg_catalog.text
from pg_catalog.pg_cast k left join functions f on f.oid = k.castfunc
where k.oid >= 16384 and k.castfunc <> 0
union all
select pg_catalog.json_build_array('coded', t.oid::pg_catalog.int8, f.nspname, f.proname, f.native)::pg_catalog.text
from pg_catalog.pg_type t join functions f on f.oid = any (array[t.typinput, t.typoutput])
left join pg_catalog.pg_type e on e.typarray = t.oid
where t.oid >= 16384 and t.typtype = 'b' and e.oid is null
""")
"""Rows of (what, …), one JSON array each. Definitions are of views; names in them are read by the `path` row."""

_LASTING = "join pg_catalog.pg_class c on c.oid = {} where c.relpersistence <> 't'"
_WATCHED = (
    "pg_class t where t.relpersistence <> 't'",
    "pg_attribute t " + _LASTING.format("t.attrelid"),
    "pg_attrdef t " + _LASTING.format("t.adrelid"),
    "pg_rewrite t " + _LASTING.format("t.ev_class"),
    "pg_trigger t " + _LASTING.format("t.tgrelid"),
    "pg_inherits t " + _LASTING.format("t.inhrelid"),
    "pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace"
    " where not pg_catalog.starts_with(n.nspname, 'pg_t')",
    "pg_namespace t where not pg_catalog.starts_with(t.nspname, 'pg_t')",
    "pg_constraint t where t.contypid <> 0",
    "pg_proc t",
    "pg_operator t",
    "pg_cast t",
)
"""What a catalog is read from, temporary objects left out: they are a session's own, and come and go all the time."""

_SEEN = (
    "(select pg_catalog.concat_ws('.', pg_catalog.count(*),"
    " pg_catalog.sum(t.xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.{})"
)
# Every change gives a row a higher xmin, also where an older transaction commits last: a sum and a count notice what a
# maximum would not.
CHANGE_SQL = _pinned(f"select pg_catalog.concat_ws(':', {', '.join(_SEEN.format(table) for table in _WATCHED)})")

CONTEXT_SQL = _pinned(
    "select pg_catalog.array_to_json(pg_catalog.current_schemas(true))::pg_catalog.text, "
    "current_user::pg_catalog.text, "
    "coalesce((select n.nspname::pg_catalog.text from pg_catalog.pg_namespace n"
    " where n.oid = pg_catalog.pg_my_temp_schema()), ''), "
    "pg_catalog.current_setting('client_encoding'), "
    "pg_catalog.current_setting('standard_conforming_strings')"
)

FUNCTION_SQL = _pinned(
    "select n.nspname, p.proname from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace"
    " where p.oid = {}"
)

_MOST_ROWS = 32_768
"""So many rows are remembered from reading to reading."""

_RELATIONS: dict[str, RelationKind] = {
    "r": "table",
    "v": "view",
    "m": "matview",
    "f": "foreign",
    "p": "partitioned",
    "c": "composite",
    "S": "sequence",
}
_TYPES: dict[str, TypeKind] = {
    "b": "base",
    "d": "domain",
    "c": "composite",
    "e": "enum",
    "r": "range",
    "m": "multirange",
    "p": "pseudo",
}


class CatalogError(ValueError):
    """Rows that are no catalog."""


def build(rows: Iterable[str], declared: frozenset[str] = frozenset()) -> Catalog:
    """The catalog of the rows of `CATALOG_SQL`. `declared`: functions (`schema.name`) the configuration vouches for.

    What calls them (operators, conversions, types' input and output) is then as good as the server's own.
    Raises CatalogError when a row cannot be read.
    """
    sorted_rows: dict[str, list[list[Any]]] = {}
    try:
        for row in rows:
            kind, rest = _parsed(row)
            sorted_rows.setdefault(kind, []).append(rest)
        return _built(sorted_rows, declared)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise CatalogError(f"the catalog's rows cannot be read ({type(error).__name__})") from error


@lru_cache(maxsize=_MOST_ROWS)
def _parsed(row: str) -> tuple[str, list[Any]]:
    """What the row says, by its text: most rows are the server's own and the same at every reading. Not to be changed."""
    kind, *rest = json.loads(row)
    return kind, rest


def _built(rows: dict[str, list[list[Any]]], declared: frozenset[str]) -> Catalog:
    parents: dict[int, list[int]] = {}
    children: dict[int, list[int]] = {}
    for child, parent in rows.get("inherits", ()):
        parents.setdefault(child, []).append(parent)
        children.setdefault(parent, []).append(child)
    relations = [
        _relation(row, tuple(parents.get(row[0], ())), tuple(children.get(row[0], ()))) for row in rows["relation"]
    ]
    types = {row[0]: _type(row) for row in rows["type"]}
    functions: dict[str, tuple[Function, ...]] = {}
    for row in rows["function"]:
        functions[row[1]] = (*functions.get(row[1], ()), _function(row, types, declared))
    operators: dict[str, set[str]] = {}
    for schema, name, *code in rows.get("operator", ()):
        if not _vouched(code, functions):
            operators.setdefault(name, set()).add(schema)
    casts: set[int] = set()
    for target, source, *code in rows.get("cast", ()):
        if not _vouched(code, functions):
            # A conversion that runs unasked makes even holding a value of its source's type unclear.
            casts |= {target} if source is None else {target, source}
    coded: dict[int, bool] = {}
    for oid, *code in rows.get("coded", ()):
        coded[oid] = coded.get(oid, True) and _vouched(code, functions)
    # A base type of extensions is as good as the server's own once its input and output functions are vouched for.
    types |= {oid: replace(types[oid], builtin=True) for oid, vouched in coded.items() if vouched}
    return Catalog(
        relations,
        types.values(),
        functions,
        {name: frozenset(schemas) for name, schemas in operators.items()},
        frozenset(casts),
        tuple(rows["path"][0][0]),
    )


def _relation(row: list[Any], parents: tuple[int, ...], children: tuple[int, ...]) -> Relation:
    oid, schema, name, kind, row_type, has_rules, has_triggers, definition, listed = row
    names = {column[1]: column[0] for column in listed or ()}
    columns = tuple(
        Column(
            label,
            attnum,
            type_oid,
            type_name,
            not_null,
            tuple(names[read] for read in reads or () if read in names),
            generated,
        )
        for label, attnum, type_oid, type_name, not_null, generated, reads in listed or ()
    )
    return Relation(
        oid, schema, name, _RELATIONS[kind], columns, definition, parents, children, row_type, has_triggers, has_rules
    )


def _vouched(code: list[Any], functions: Mapping[str, tuple[Function, ...]]) -> bool:
    """Whether the function behind something, by schema and name, is plain or declared in all its forms; none: no.

    `native`: it is compiled code, which a superuser alone may bring, and said to be immutable. What such an operator or
    conversion of an extension's does is taken on its word, as with the server's own: else `=` would be unclear wherever
    an extension has one for its type.
    """
    schema, name, native = code
    if native:
        return True
    forms = [function for function in functions.get(name, ()) if function.schema == schema]
    return bool(forms) and all(function.plain or function.declared for function in forms)


def _function(row: list[Any], types: Mapping[int, TypeInfo], declared: frozenset[str]) -> Function:
    schema, name, came, listed = row
    forms = [Form(*form) for form in listed]
    if came and schema == "pg_catalog":
        return builtin(name, forms, types)
    function = own(schema, name, forms, types, came=came)
    return replace(function, declared=f"{schema}.{name}" in declared)


def _type(row: list[Any]) -> TypeInfo:
    oid, schema, name, kind, base, element, relation, array, checked = row
    return TypeInfo(
        oid,
        schema,
        name,
        "array" if array else _TYPES[kind],
        base or None,
        element or None,
        relation or None,
        oid < FIRST_USER_OID,
        checked,
    )
