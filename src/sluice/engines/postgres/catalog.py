"""PostgreSQL's system catalogs as a `Catalog`: one query whose rows are JSON texts, read by whoever has a connection.

It works for an ordinary role on PostgreSQL 13 to 18, changes nothing and depends on no setting of the session but the search path,
which it reports, since view definitions are printed by it. Source: https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sluice.engines.postgres.functions import classified
from sluice.sql.catalog import Catalog, Column, Function, Relation, RelationKind, TypeInfo, TypeKind

FIRST_USER_OID = 16384
"""Objects below are the server's own (FirstNormalObjectId in access/transam.h)."""

CATALOG_SQL = """
with mine as (
    select c.oid, n.nspname, c.relname, c.relkind, c.reltype, c.relhasrules
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v', 'm', 'f', 'p', 'c', 'S') and n.nspname <> 'pg_toast'
), computed as (
    select d.adrelid, d.adnum, pg_catalog.json_agg(distinct p.refobjsubid) as reads
    from pg_catalog.pg_attrdef d join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    join pg_catalog.pg_depend p on p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and p.refobjid = d.adrelid
        and p.refobjsubid <> d.adnum and p.refobjsubid > 0 and (
            (p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and p.objid = d.oid)
            or (p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and p.objid = d.adrelid and p.objsubid = d.adnum))
    where a.attgenerated <> '' group by 1, 2
), columns as (
    select a.attrelid, pg_catalog.json_agg(pg_catalog.json_build_array(
        a.attname, a.attnum, a.atttypid::pg_catalog.int8, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.attgenerated <> '', g.reads) order by a.attnum) as list
    from pg_catalog.pg_attribute a join mine m on m.oid = a.attrelid
    left join computed g on g.adrelid = a.attrelid and g.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped group by 1
)
select pg_catalog.json_build_array('path', pg_catalog.current_schemas(true))::pg_catalog.text
union all
select pg_catalog.json_build_array('relation', m.oid::pg_catalog.int8, m.nspname, m.relname, m.relkind, m.reltype::pg_catalog.int8,
    m.relhasrules, exists (select from pg_catalog.pg_trigger t where t.tgrelid = m.oid and not t.tgisinternal),
    case when m.relkind in ('v', 'm') and m.oid >= 16384 then pg_catalog.pg_get_viewdef(m.oid) end, c.list)::pg_catalog.text
from mine m left join columns c on c.attrelid = m.oid
union all
select pg_catalog.json_build_array('inherits', inhrelid::pg_catalog.int8, inhparent::pg_catalog.int8)::pg_catalog.text
from pg_catalog.pg_inherits
union all
select pg_catalog.json_build_array('type', t.oid::pg_catalog.int8, n.nspname, t.typname, t.typtype, t.typbasetype::pg_catalog.int8,
    t.typelem::pg_catalog.int8, t.typrelid::pg_catalog.int8, t.typcategory = 'A' and t.typelem <> 0,
    exists (select from pg_catalog.pg_constraint k where k.contypid = t.oid))::pg_catalog.text
from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
union all
select pg_catalog.json_build_array('builtins', pg_catalog.json_object_agg(f.proname, f.sorts))::pg_catalog.text
from (
    select p.proname, pg_catalog.string_agg(distinct p.provolatile::pg_catalog.text || p.prokind::pg_catalog.text, ',') as sorts
    from pg_catalog.pg_proc p where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace and p.oid < 16384 group by 1
) f
union all
select distinct pg_catalog.json_build_array('function', n.nspname, p.proname)::pg_catalog.text
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.oid >= 16384 or n.nspname <> 'pg_catalog'
union all
select distinct pg_catalog.json_build_array('operator', n.nspname, o.oprname)::pg_catalog.text
from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
where o.oid >= 16384
union all
select pg_catalog.json_build_array('cast', k.casttarget::pg_catalog.int8)::pg_catalog.text
from pg_catalog.pg_cast k where k.oid >= 16384 and k.castfunc <> 0
"""

CHANGE_SQL = """
select pg_catalog.concat_ws(':',
    (select pg_catalog.concat_ws('.', count(*), max(xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_class where relpersistence <> 't'),
    (select pg_catalog.concat_ws('.', count(*), max(a.xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_attribute a
        join pg_catalog.pg_class c on c.oid = a.attrelid and c.relpersistence <> 't'),
    (select pg_catalog.concat_ws('.', count(*), max(xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_proc),
    (select pg_catalog.concat_ws('.', count(*), max(xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_rewrite),
    (select pg_catalog.concat_ws('.', count(*), max(xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_inherits),
    (select pg_catalog.concat_ws('.', count(*), max(xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_operator),
    (select pg_catalog.concat_ws('.', count(*), max(xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_cast),
    (select pg_catalog.concat_ws('.', count(*), max(xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_trigger),
    (select pg_catalog.concat_ws('.', count(*), max(xmin::pg_catalog.text::pg_catalog.int8)) from pg_catalog.pg_namespace
        where nspname not like 'pg\\_t%'),
    (select count(*) from pg_catalog.pg_constraint where contypid <> 0))
"""

CONTEXT_SQL = (
    "select pg_catalog.array_to_json(pg_catalog.current_schemas(true))::pg_catalog.text, current_user::pg_catalog.text, "
    "coalesce((select nspname::pg_catalog.text from pg_catalog.pg_namespace where oid = pg_catalog.pg_my_temp_schema()), '')"
)

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
    """The catalog of the rows of `CATALOG_SQL`. `declared`: functions (`schema.name`) that the configuration vouches for.

    Raises CatalogError when a row cannot be read.
    """
    sorted_rows: dict[str, list[list[Any]]] = {}
    try:
        for row in rows:
            kind, *rest = json.loads(row)
            sorted_rows.setdefault(kind, []).append(rest)
        return _built(sorted_rows, declared)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise CatalogError(f"the catalog's rows cannot be read ({type(error).__name__})") from error


def _built(rows: dict[str, list[list[Any]]], declared: frozenset[str]) -> Catalog:
    parents: dict[int, list[int]] = {}
    children: dict[int, list[int]] = {}
    for child, parent in rows.get("inherits", ()):
        parents.setdefault(child, []).append(parent)
        children.setdefault(parent, []).append(child)
    relations = [
        _relation(row, tuple(parents.get(row[0], ())), tuple(children.get(row[0], ()))) for row in rows["relation"]
    ]
    functions: dict[str, tuple[Function, ...]] = {name: (classified(name, sorts),) for name, sorts in rows["builtins"][0][0].items()}
    for schema, name in rows.get("function", ()):
        own = Function(schema, name, False, False, None, f"{schema}.{name}" in declared)
        functions[name] = (*functions.get(name, ()), own)
    operators: dict[str, set[str]] = {}
    for schema, name in rows.get("operator", ()):
        operators.setdefault(name, set()).add(schema)
    return Catalog(
        relations,
        [_type(row) for row in rows["type"]],
        functions,
        {name: frozenset(schemas) for name, schemas in operators.items()},
        frozenset(row[0] for row in rows.get("cast", ())),
        tuple(rows["path"][0][0]),
    )


def _relation(row: list[Any], parents: tuple[int, ...], children: tuple[int, ...]) -> Relation:
    oid, schema, name, kind, row_type, has_rules, has_triggers, definition, listed = row
    names = {column[1]: column[0] for column in listed or ()}
    columns = tuple(
        Column(label, attnum, type_oid, type_name, not_null, tuple(names[read] for read in reads or () if read in names), generated)
        for label, attnum, type_oid, type_name, not_null, generated, reads in listed or ()
    )
    return Relation(
        oid, schema, name, _RELATIONS[kind], columns, definition, parents, children, row_type, has_triggers, has_rules
    )


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
