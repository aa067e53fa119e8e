"""The queries that a catalog is read by, and those that tell whether it changed and how a session resolves names.

They work for an ordinary role on PostgreSQL 13 to 18, change nothing and depend on no setting of the session but the search
path, which is reported, since view definitions are printed by it.
Source: https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

import re

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
), guards as (
    select i.indrelid as relation, u.attnum, 'u' as kind from pg_catalog.pg_index i,
        pg_catalog.unnest(i.indkey::pg_catalog.int2[]) as u(attnum)
    where i.indrelid >= 16384 and (i.indisunique or i.indisexclusion)
    union all
    select i.indrelid, p.refobjsubid, 'u' from pg_catalog.pg_index i join pg_catalog.pg_depend p
        on p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and p.objid = i.indexrelid
        and p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and p.refobjid = i.indrelid and 0 < p.refobjsubid
    where i.indrelid >= 16384 and (i.indisunique or i.indisexclusion) and i.indexprs is not null
    union all
    select i.indrelid, 0, 'c' from pg_catalog.pg_index i
    where i.indrelid >= 16384 and (i.indexprs is not null or i.indpred is not null)
    union all
    select k.conrelid, u.attnum, case when k.contype = 'c' then 'c' else 'u' end from pg_catalog.pg_constraint k,
        pg_catalog.unnest(coalesce(k.conkey, '{0}'::pg_catalog.int2[])) as u(attnum)
    where k.conrelid >= 16384 and k.contype <> 'n'
    union all
    select p.polrelid, 0, 'c' from pg_catalog.pg_policy p
    union all
    select m.oid, 0, 'c' from mine m join pg_catalog.pg_class c on c.oid = m.oid where m.relkind = 'p' or c.relispartition
), guarded as (
    select g.relation, g.attnum, pg_catalog.min(g.kind) as kind, pg_catalog.bool_or(g.kind = 'u') as key
    from guards g group by 1, 2
), columns as (
    select a.attrelid, pg_catalog.json_agg(pg_catalog.json_build_array(
        a.attname, a.attnum, a.atttypid::pg_catalog.int8, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
        a.attgenerated <> '', g.reads, least(o.kind, w.kind), coalesce(o.key, false)) order by a.attnum) as list
    from pg_catalog.pg_attribute a join mine m on m.oid = a.attrelid
    left join computed g on g.adrelid = a.attrelid and g.adnum = a.attnum
    left join guarded o on o.relation = a.attrelid and o.attnum = a.attnum
    left join guarded w on w.relation = a.attrelid and w.attnum = 0
    where 0 < a.attnum and not a.attisdropped group by 1
), functions as (
    select p.oid, n.nspname, p.proname, p.oid < 16384 as came, e.extname, pg_catalog.json_build_array(
        p.provolatile::pg_catalog.text || p.prokind::pg_catalog.text, p.prorettype::pg_catalog.int8,
        case when p.proargmodes is not null then p.proargnames end, p.proargmodes, p.proretset) as form
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid
        and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e'
    left join pg_catalog.pg_extension e on e.oid = d.refobjid
), classes as (
    select c.oid, c.opcintype as typ from pg_catalog.pg_opclass c
    where c.oid >= 16384 and c.opcdefault and c.opcmethod = any (array[403, 405]::pg_catalog.oid[])
), handling as (
    select t.oid as typ, u.code from pg_catalog.pg_type t left join pg_catalog.pg_range r on r.rngtypid = t.oid,
        pg_catalog.unnest(array[t.typinput, t.typoutput, t.typreceive, t.typsend, r.rngcanonical, r.rngsubdiff
            ]::pg_catalog.oid[]) as u(code)
    union
    select case when k.castsource < 16384 and k.casttarget >= 16384 then k.casttarget else k.castsource end, k.castfunc
    from pg_catalog.pg_cast k where k.castcontext = 'i'
    union
    select c.typ, a.amproc::pg_catalog.oid from classes c
    join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass and d.refobjid = c.oid
        and d.classid = 'pg_catalog.pg_amproc'::pg_catalog.regclass
    join pg_catalog.pg_amproc a on a.oid = d.objid
    union
    select c.typ, o.oprcode::pg_catalog.oid from classes c
    join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_opclass'::pg_catalog.regclass and d.refobjid = c.oid
        and d.classid = 'pg_catalog.pg_amop'::pg_catalog.regclass
    join pg_catalog.pg_amop a on a.oid = d.objid
    join pg_catalog.pg_operator o on o.oid = a.amopopr
    union
    select r.rngtypid, a.amproc::pg_catalog.oid from pg_catalog.pg_range r
    join pg_catalog.pg_opclass c on c.oid = r.rngsubopc and c.oid >= 16384
    join pg_catalog.pg_amproc a on a.amprocfamily = c.opcfamily
), running as (
    select k.conrelid as relation, 'w' as moment, 'pg_catalog.pg_constraint'::pg_catalog.regclass as class, k.oid
    from pg_catalog.pg_constraint k where k.conrelid <> 0
    union all
    select a.adrelid, 'w', 'pg_catalog.pg_attrdef'::pg_catalog.regclass, a.oid from pg_catalog.pg_attrdef a
    union all
    select i.indrelid, 'w', 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid from pg_catalog.pg_index i
    union all
    select p.polrelid, 'r', 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid from pg_catalog.pg_policy p
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
    t.typbasetype::pg_catalog.int8, coalesce(r.rngsubtype, m.refobjid, t.typelem)::pg_catalog.int8, t.typrelid::pg_catalog.int8,
    e.oid is not null or (t.oid < 16384 and t.typcategory = 'A' and t.typelem <> 0),
    exists (select from pg_catalog.pg_constraint k where k.contypid = t.oid), t.typcategory)::pg_catalog.text
from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_type e on e.typarray = t.oid left join pg_catalog.pg_range r on r.rngtypid = t.oid
left join pg_catalog.pg_depend m on t.typtype = 'm' and m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
    and m.objid = t.oid and m.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass and m.deptype = 'i'
union all
select pg_catalog.json_build_array('function', f.nspname, f.proname, f.came, f.extname,
    pg_catalog.json_agg(f.form))::pg_catalog.text
from functions f group by f.nspname, f.proname, f.came, f.extname
union all
select pg_catalog.json_build_array('operator', n.nspname, o.oprname, f.nspname, f.proname, f.extname,
    o.oprleft::pg_catalog.int8, o.oprright::pg_catalog.int8)::pg_catalog.text
from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
left join functions f on f.oid = o.oprcode
where o.oid >= 16384
union all
select pg_catalog.json_build_array('cast', k.castsource::pg_catalog.int8, k.casttarget::pg_catalog.int8,
    k.castcontext, f.nspname, f.proname, f.extname)::pg_catalog.text
from pg_catalog.pg_cast k left join functions f on f.oid = k.castfunc
where k.oid >= 16384
union all
select distinct pg_catalog.json_build_array('handled', h.typ::pg_catalog.int8, f.nspname, f.proname, f.extname)::pg_catalog.text
from handling h join functions f on f.oid = h.code where h.code >= 16384
union all
select distinct pg_catalog.json_build_array('runs', r.relation::pg_catalog.int8, r.moment, f.nspname, f.proname, f.extname)
    ::pg_catalog.text
from running r join pg_catalog.pg_depend d on d.classid = r.class and d.objid = r.oid
left join pg_catalog.pg_operator o on d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass and o.oid = d.refobjid
join functions f on f.oid = case when d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass then d.refobjid
    else o.oprcode::pg_catalog.oid end
where d.refobjid >= 16384
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
    "pg_constraint t where t.contypid <> 0 or t.contype = 'c'",
    "pg_policy t",
    "pg_proc t",
    "pg_operator t",
    "pg_cast t",
    "pg_opclass t",
    "pg_range t",
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
