"""What an ordinary application asks for, and people with psql: it works through the gateway as it does past it."""

from __future__ import annotations

import pytest
from caselist import Case
from playing import Line, comparable
from wire import kinds

ORDINARY = [
    "select 1",
    "select id, name from people order by id",
    "select p.id, p.name, s.txt from people p join scratch s on s.id = p.id order by p.id",
    "select p.name, s.txt from people p left join scratch s using (id) order by p.id",
    "select count(*) from people",
    "select count(*), min(id), max(name), sum(id), avg(id) from people",
    "select name, count(*) from people group by name having count(*) > 0 order by name",
    "select id from people where name like 'Row%' order by id desc limit 2 offset 1",
    "select distinct txt from scratch order by txt",
    "select upper(name), length(name), substr(name, 1, 3) || '…' from people order by id",
    "select case when id = 1 then 'first' else name end from people order by id",
    "select coalesce(nullif(name, 'Row One'), 'none') from people order by id",
    "with first as (select * from scratch where id = 1) select * from first",
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) select i from n",
    "select id, row_number() over (order by name), lag(name) over (order by id) from people order by id",
    "select id, name from people where id in (select id from scratch) order by id",
    "select name from people p where exists (select 1 from scratch s where s.id = p.id) order by id",
    "select s.id, n.body from scratch s cross join lateral (select body from public_notes n where n.id = s.id) n order by 1",
    "select id from people union select id from scratch order by 1",
    "select id from people except select id from scratch",
    "select array_agg(name order by id), string_agg(name, ', ' order by id) from people",
    "select json_agg(json_build_object('id', id, 'name', name) order by id) from people",
    "select to_jsonb(s) from scratch s order by id",
    "select row_to_json(n) from public_notes n order by id",
    "select * from scratch order by id",
    "select s.* from scratch s order by s.id for update",
    "select unnest(array[1, 2, 3]) as n",
    "select generate_series(1, 5)",
    "select date_trunc('day', timestamp '2026-02-03 04:05:06'), extract(year from date '2026-02-03')",
    "select '{\"a\": {\"b\": [1, 2]}}'::jsonb #>> '{a,b,1}'",
    "values (1, 'x'), (2, 'y')",
    "table public_notes",
    "insert into scratch (id, txt) values (7, 'seven') returning id, txt",
    "insert into scratch select 8, 'eight' returning *",
    "insert into people (id, name) values (1, 'x') on conflict (id) do nothing",
    "insert into people (id, name) values (9, 'nine') on conflict (id) do update set name = excluded.name returning id, name",
    "update scratch set txt = txt || '!' where id = 1 returning txt",
    "update people set name = s.txt from scratch s where s.id = people.id and people.id = 2 returning people.id, people.name",
    "delete from scratch where id = 2 returning id",
    "delete from scratch where ctid in (select ctid from scratch where id = 1 limit 1)",
    "delete from public_notes n using scratch s where n.id = s.id and s.txt = 'a'",
    "with moved as (delete from scratch where id = 1 returning *) insert into public_notes select id, txt from moved returning *",
    "merge into scratch s using (values (1, 'z'), (5, 'new')) v(id, txt) on s.id = v.id"
    " when matched then update set txt = v.txt when not matched then insert values (v.id, v.txt)",
    "create temp table cart (id serial primary key, item text not null, price numeric(8, 2) default 0)",
    "create table if not exists orders_of_mine (id bigint generated always as identity, total numeric)",
    "create index on scratch (txt)",
    "alter table scratch add column extra int default 1",
    "truncate public_notes",
    "savepoint a",
    "declare c cursor for select id, name from people order by id",
    "prepare q (int) as select name from people where id = $1",
    "explain (costs off) select name from people where id = 1",
    "copy scratch to stdout",
    "copy (select id, name from people order by id) to stdout (format csv, header)",
    "set local work_mem = '8MB'",
    "show server_version",
    "select current_database() <> '', current_user, current_schema(), version() <> ''",
    "select set_config('application_name', 'an application', false)",
    "select nextval('counter') > 0",
    "select pg_catalog.format_type(23, null), 'people'::regclass::text",
    "select hidden is null from people_view where false",
    "select id, name from people_view order by id",
    "select one from people_const_view",
    "select id from people_child",
    "select tablename from pg_catalog.pg_tables where schemaname = 'public' order by 1",
    "select table_name, column_name, data_type from information_schema.columns where table_name = 'scratch' order by 2",
    "select n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner) from pg_catalog.pg_class c"
    " left join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and c.relname ~ '^(people)$'"
    " and pg_catalog.pg_table_is_visible(c.oid) order by 1, 2",
    "select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " (select pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) from pg_catalog.pg_attrdef d"
    " where d.adrelid = a.attrelid and d.adnum = a.attnum and a.atthasdef)"
    " from pg_catalog.pg_attribute a where a.attrelid = 'scratch'::regclass and a.attnum > 0 order by a.attnum",
    "select t.typname, t.oid, t.typarray from pg_type t join pg_namespace ns on typnamespace = ns.oid"
    " where typname = 'jsonb' order by t.oid",
    "select c2.relname, i.indisprimary, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true) from pg_catalog.pg_class c,"
    " pg_catalog.pg_class c2, pg_catalog.pg_index i where c.oid = 'people'::regclass and c.oid = i.indrelid"
    " and i.indexrelid = c2.oid order by 1",
    "select conname, pg_catalog.pg_get_constraintdef(oid, true) from pg_catalog.pg_constraint"
    " where conrelid = 'people'::regclass order by 1",
    "select rolname from pg_catalog.pg_roles where rolname = 'keeper'",
]


@pytest.mark.parametrize("text", ORDINARY, ids=range(len(ORDINARY)))
def test_an_ordinary_statement_answers_as_the_server_does(line: Line, text: str) -> None:
    case = Case("ordinary", 0, (text,), {})
    through = line.play(case, "simple", "shop")
    assert "E" not in kinds(through), text
    assert comparable(through) == comparable(line.play(case, "simple", "shop", past=True)), text
    again = line.play(case, "extended", "shop")
    assert not [message for message in again if message.kind == "E" and b"42501" in message.body], text
