-- One statement a line; together they hold every kind of node that the grammar makes.
select 1, 1.5, true, 'x', B'101', null, $1, -id, not true, id + 1, (id, name) = (1, 'a'), row(1, 2), array[1, id] from people
select distinct on (name) name, count(*) filter (where id > 1), string_agg(name, ',' order by id), percentile_cont(0.5) within group (order by id) from people where id = 1 group by name having count(*) > 1 order by name using < limit 1 offset 1
select distinct name from people group by grouping sets ((name), cube (id), rollup (ssn), ()) order by 1 desc nulls last fetch first 1 row with ties
select sum(id) over w, rank() over (partition by name order by id rows between 1 preceding and 1 following) from people window w as (partition by name)
select case id when 1 then 'a' else 'b' end, case when true then 1 end, coalesce(name, 'x'), nullif(name, 'x'), greatest(id, 1), least(1, 2) from people
select name::text, cast(id as numeric(10, 2)), name collate "C", (home).a, names[1], names[1:2], (row(1, 2)).*, people.* from people, houses
select current_date, current_user, localtime(0), grouping(name), name is null, (id = 1) is true, name like 'a' escape 'b', id between 1 and 2, id in (1, 2), id = any (array[1]), name is distinct from 'x' from people group by name
select exists (select 1), array(select 1), (select 1), id in (select 1), id > all (select 1), (id, id) = (select 1, 2) from people
select * from people p (a, b) tablesample bernoulli (10) repeatable (1), only other, lateral (select p.a) s, generate_series(1, 2) with ordinality g (n, o), rows from (unnest(array[1]), unnest(array[2])) u, json_to_record('{}') as r (a int collate "C")
select * from people a join other b on a.id = b.id left join houses using (id) as j natural full join people c cross join (people d join other e on true) as k
select * from xmltable(xmlnamespaces('u' as n), '/a' passing '<a/>' columns x int path 'b' default 1 not null, o for ordinality) t
select * from json_table('{}', '$' as p passing 1 as v columns (a int path '$.a' default 1 on empty error on error, o for ordinality, e boolean exists path '$.e', j json format json path '$.j' with wrapper keep quotes, nested path '$.n' columns (m int))) t
select xmlelement(name a, xmlattributes(1 as b), 'c'), xmlforest(id), xmlconcat('<a/>', '<b/>'), xmlparse(document '<a/>'), xmlserialize(content '<a/>' as text), xmlpi(name a, 'b'), xmlroot('<a/>', version '1'), '<a/>' is document, xmlexists('a' passing '<a/>') from people
select json_object('a' : id), json_array(1, id), json_array(select id from people), json_objectagg('a' : id), json_arrayagg(id order by id), json('{}'), json_scalar(id), json_serialize('{}'), '{}' is json from people
select json_value(doc, '$.a' passing id as x returning int default 1 on empty default 2 on error), json_query(doc, '$.a'), json_exists(doc, '$.a') from people
select extract(year from dob), substring(name from 1 for 2), trim(name), position('a' in name), overlay(name placing 'x' from 1), dob at time zone 'UTC', name similar to 'x', make_interval(days => 1), concat(variadic tags) from people
select 1 union select 2 intersect all select 3 except select 4 order by 1 limit 1
values (1, 'a'), (2, default)
table people
with a as materialized (select 1 as x), b (y) as (insert into other values (1) returning id) select * from a, b
with recursive r (n) as (select 1 union all select n + 1 from r) search depth first by n set o cycle n set c to true default false using p select * from r
select * from people for update of people nowait
select id into temp made from people
insert into other (id, note) values (1, 'a') on conflict (id) where id > 0 do update set note = excluded.note, id = default where other.id > 1 returning *
insert into other as o default values
insert into houses (home.a, names[1]) overriding user value select 'a', 'b' on conflict on constraint k do nothing
update people p set name = 'a', (id, ssn) = (select 1, 'x'), tags[1] = 'a', (dob, doc) = row(null, null) from other where p.id = other.id returning p.*
update people set name = 'x' where current of c
delete from people using other where people.id = other.id returning id
merge into people p using other o on p.id = o.id when matched and o.id > 1 then update set name = o.note when not matched by source then delete when not matched then insert (id, name) overriding system value values (o.id, default) returning merge_action(), p.id
merge into people using other on true when matched then do nothing
create table made as select 1
create table made (a, b) with (fillfactor = 10) on commit drop as execute kept (1)
create materialized view made as select id from people with no data
create view made (a) with (security_barrier) as select id from people with check option
copy people (id, name) to stdout with (format csv, header, force_quote (name))
copy (select id from people) to stdout
copy people from stdin where id > 1
copy people to program 'x'
explain (analyze, costs off) select 1
prepare kept (int, text) as select $1, $2
execute kept (1, 'a' || 'b')
deallocate kept
declare c scroll cursor with hold for select id from people
fetch forward 10 from c
move 1 in c
close c
begin isolation level serializable
commit and chain
savepoint s
prepare transaction 'x'
set search_path to a, b
set local statement_timeout = 10
set transaction isolation level serializable
reset all
show all
discard all
listen a
unlisten *
notify a, 'b'
set constraints all deferred
lock table people in share mode
truncate people, other restart identity cascade
do $$ begin end $$
call p(1, canary_of_old => 2)
create table t (id serial primary key, a text not null default 'x' collate "C" check (a > 'b'), b int references people (id) on delete set null (b) deferrable, c int generated always as (id + 1) stored, d int generated always as identity (start 1), e text storage plain compression lz4, like people including all, unique (a) include (b) with (fillfactor = 10), exclude using gist (a with =, (b + 1) with <>) where (a > 'b'), foreign key (a, b) references other (id, person) match full, check (b > 0) no inherit) inherits (other) partition by range (a collate "C" text_ops, (b + 1)) with (fillfactor = 10) on commit drop tablespace x
create table t of pair (primary key (a), b with options default 'x')
create table t partition of people (id default 1) for values from (1, minvalue) to (2, maxvalue)
create table t partition of people for values in (1, 'a'::text)
create table t partition of people for values with (modulus 2, remainder 1)
create foreign table t (a int options (x 'y')) server s options (a 'b')
alter table if exists only people add column a int default 1, drop column b cascade, alter column c type text collate "C" using c::text, alter column d set default 1, alter column e set not null, add constraint k check (id > 1) not valid, validate constraint k, alter column f set statistics 10, owner to x, cluster on i, set (fillfactor = 10), replica identity full, enable trigger x, alter column g add generated always as identity, alter column h set expression as (id + 1), alter column c drop expression, options (add a 'b')
alter table people add constraint k unique using index i, add constraint f foreign key (id) references other (id) not valid, inherit other
alter table people attach partition other for values in (1)
alter table people detach partition other concurrently
alter index i attach partition j
alter view v rename to w
alter table people rename column id to id2
alter table people set schema s
alter table all in tablespace a set tablespace b nowait
create unique index concurrently if not exists i on only people using btree (id desc nulls first, lower(name) collate "C" text_ops (x = 1)) include (ssn) nulls not distinct with (fillfactor = 10) tablespace x where id > 1
create statistics s (dependencies) on id, (id + 1) from people
alter statistics s set statistics 10
create sequence s as int increment 1 owned by people.id
alter sequence s restart with 1
create domain d as text collate "C" default 'x' constraint k check (value > 'a') not null
alter domain d add constraint k check (value > 'a')
alter domain d set default 'x'
create type t as enum ('a')
alter type t add value 'b' before 'a'
create type t as (a int, b text collate "C")
create type t as range (subtype = int)
alter type t set (storage = plain)
alter type t add attribute c int cascade
create aggregate a (int) (sfunc = f, stype = int)
create operator + (leftarg = int, function = f)
create text search configuration c (parser = p)
alter text search configuration c add mapping for a with b
alter text search dictionary d (a = 1)
create collation c from "C"
alter collation c refresh version
create conversion c for 'UTF8' to 'LATIN1' from f
create cast (int as text) with function f (int) as implicit
create transform for int language l (from sql with function f (internal), to sql with function g (internal))
create operator class c default for type int using btree as operator 1 <, function 1 f (int, int), storage int
create operator family f using btree
alter operator family f using btree add operator 1 < (int, int)
alter operator + (int, int) set (restrict = f)
create function f (a int default 1, variadic b int[]) returns setof int language sql immutable cost 1 as 'select 1'
create function f () returns table (a int) begin atomic select 1; end
create function f (a people.id%type) returns int return 1
create procedure p () language sql as 'select 1'
alter function f (int) stable set search_path = x
create trigger t after update of name on people referencing new table as n for each row when (new.id > 1) execute function f('a')
create constraint trigger t after insert on people from other deferrable for each row execute function f()
create rule r as on insert to people where new.id > 1 do also (select 1; insert into other values (1))
create policy p on people as permissive for select to public using (id > 1) with check (id > 2)
alter policy p on people to public using (id > 1)
create event trigger e on ddl_command_start when tag in ('a') execute function f()
alter event trigger e disable
create extension e with schema s cascade
alter extension e update to 'x'
alter extension e add table people
create schema s authorization x create table t (a int)
create schema if not exists s
create role r with login password 'x' in role a
alter role r with nologin
alter role r in database d set search_path = x
alter role all reset all
drop role r
grant select (id), update on people to public with grant option granted by current_user
revoke all on all tables in schema s from r cascade
grant a to b with admin option
alter default privileges for role r in schema s grant select on tables to b
reassign owned by a to b
drop owned by a cascade
create database d template x
alter database d connection limit 1
alter database d set a = b
alter database d refresh collation version
drop database d with (force)
create tablespace t owner o location 'x'
alter tablespace t set (a = 1)
drop tablespace t
create foreign data wrapper w handler h options (a 'b')
alter foreign data wrapper w options (set a 'c')
create server s foreign data wrapper w options (a 'b')
alter server s options (drop a)
create user mapping for public server s options (a 'b')
alter user mapping for public server s options (a 'b')
drop user mapping for public server s
import foreign schema s limit to (a) from server x into y
create publication p for table people (id) where (id > 1), tables in schema s
alter publication p add table other
create subscription s connection 'x' publication p
alter subscription s disable
drop subscription s
create language l handler h
create access method m type index handler h
security label for p on table people is 'x'
comment on column people.id is 'x'
alter function f (int) depends on extension e
alter function f (int) owner to r
drop table people, other cascade
drop function f (int)
drop view v
alter system set a = b
load 'x'
checkpoint
cluster people using i
vacuum (full, analyze) people (id)
analyze
reindex (verbose) table people
refresh materialized view concurrently m with no data
select a.b.c, (a).b.c from a
alter table people replica identity using index i
select * from people where id = 1 and name = 'a' or not (id = 2)
