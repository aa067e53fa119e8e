-- The database the bypass corpus attacks; values.sql puts the hidden values into it.
-- Out of the way: an operator `=` of an extension on the search path would make every comparison unclear.
create schema ext;
create extension hstore schema ext; create extension dblink schema ext; create extension postgres_fdw schema ext;
create extension pg_trgm schema ext; create extension tablefunc schema ext; create extension pg_stat_statements schema ext;
create extension pageinspect schema ext; create extension fuzzystrmatch schema ext;
create schema other;
create table people (
    id int primary key, name text, ssn text, email text, salary int, dob date, secret text, notes text, tags text[], doc jsonb,
    remark text not null default ''
);
insert into people (id, name) values (1, 'Row One'), (2, 'Row Two'), (3, 'Row Three');
create table scratch (id int, txt text);
insert into scratch values (1, 'a'), (2, 'b');
create table guesses (guess text);
insert into guesses values ('983'), ('123');
create table unique_ssn (v text unique);
create table checked (v text check (v = 'never'));
create table ref_target (v text primary key);
create table ref_ssn (v text references ref_target (v));
create sequence counter;
create view people_view as select id, name, ssn as hidden from people;
create view people_view_view as select id, hidden from people_view;
create view people_barrier with (security_barrier) as select id, ssn as hidden from people where id > 0;
create materialized view people_matview as select id, ssn as hidden from people;
create view people_const_view as select 1 as one;
create table people_parent (id int, ssn text);
create table people_child () inherits (people_parent);
insert into people_child values (1);
create table people_part (id int, ssn text) partition by list (id);
create table people_part_1 partition of people_part for values in (1);
insert into people_part values (1);
create table people_generated (
    id int, ssn text, masked_copy text generated always as ('x' || ssn) stored, secret_len int generated always as (length(ssn)) stored,
    shadow text generated always as (upper(ssn)) virtual
);
insert into people_generated (id) values (1);
create table other.people (id int, name text, ssn text);
insert into other.people (id, ssn) values (1, 'Row One'), (2, 'Row Two');
create type person_kind as (id int, ssn text);
create table typed of person_kind;
insert into typed values (1);
create table nested (id int, inside person_kind, many person_kind[]);
insert into nested values (1);
create domain national_id as text;
create table domained (id int, ssn national_id);
insert into domained values (1);
create index people_ssn_prefix on people (left(ssn, 8));
create statistics people_stats (mcv) on ssn, email from people;
create statistics people_stats_expr on (lower(ssn)) from people;
create role owner_role;
grant all on people to owner_role;
create role app;
grant select on people to app;
alter table guesses owner to owner_role;
create function owner_function() returns text language sql security definer as 'select ssn from public.people where id = 1';
create view people_function_view as select owner_function() as v;
create procedure owner_procedure(inout v text) language plpgsql as $$ begin select ssn into v from public.people where id = 1; end $$;
create function leak_args(v text) returns text language plpgsql as $$ begin return v; end $$;
create function leak_notice(v text) returns bool language plpgsql immutable as $$ begin raise notice '%', v; return true; end $$;
create function leak_info(v text) returns bool language plpgsql as $$ begin raise info '%', v; return true; end $$;
create function leak_error(v text) returns bool language plpgsql as $$ begin raise exception '%', v; end $$;
create function plus_one(v int) returns int language sql as 'select v + 1';
create function leak_op(text, text) returns text language sql as 'select $1';
create operator <+> (leftarg = text, rightarg = text, function = leak_op);
create function steal_state(text, text) returns text language sql as 'select $2';
create aggregate steal_agg(text) (sfunc = steal_state, stype = text);
create function const_leak() returns text language sql immutable as 'select ssn from public.people where id = 1';
create function const_leak_block() returns text language plpgsql immutable as
    $$ begin return (select ssn from public.people where id = 1); end $$;
create function const_name(v text) returns text language plpgsql as
    $$ begin execute format('create temp table %I (a int)', v); return 'made'; end $$;
create table people_defaulted (id int, txt text default const_leak_block());
create domain checked_domain as text check (leak_notice(value));
create function leak_trigger() returns trigger language plpgsql as
    $$ begin new.txt := (select ssn from public.people where id = 1); return new; end $$;
create table triggered (id int, txt text);
create trigger fill before insert on triggered for each row execute function leak_trigger();
create table ruled (id int, txt text);
create rule told as on insert to ruled do also select ssn from people;
create function delete_everything() returns int language sql as 'delete from public.people; select 1';
create server loop foreign data wrapper postgres_fdw options (host '127.0.0.1', port '{port}', dbname '{database}');
create user mapping for current_user server loop options (user 'keeper', password '{secret}');
create foreign table people_foreign (id int, ssn text) server loop options (schema_name 'public', table_name 'people');
create role credential_role login password 'SCRAM-SHA-256$4096:{salt}$5uNuDM1vSyvd8wSvLiU2mAPaKvUIJUkJ8VcWkMzBSMo=:5uNuDM1vSyvd8wSvLiU2mAPaKvUIJUkJ8VcWkMzBSMo=';
alter role credential_role set application_name = '{secret}';
create subscription subscribed connection 'host=127.0.0.1 password={secret} dbname=none' publication none with (connect = false);
create function told_source() returns int language sql as 'select 1 /* {secret} */';
create table public_notes (id int, body text);
insert into public_notes values (1, 'nothing'), (2, 'to see');
create view guarded_rows as select * from scratch;
create domain telling as text check (leak_info(owner_function()));
create table of_telling (v telling);
create function shout(v text) returns text language internal immutable strict as 'upper';
create operator !!! (rightarg = text, function = shout);
create table checking (v text check (leak_info(coalesce(v, '') || owner_function())));
create table indexed (v text);
create function leaking_index(v text) returns bool language plpgsql immutable as $$ begin return leak_info(owner_function()); end $$;
create index on indexed (leaking_index(v));
create table parted (id int) partition by list (id);
create table parted_1 partition of parted for values in (1);
alter table parted_1 add check (leak_info(owner_function() || id));
create function telling_trigger() returns trigger language plpgsql as $$ begin perform leak_info(owner_function()); return new; end $$;
create table told_of (id int);
create trigger tells before insert on told_of for each row execute function telling_trigger();
create view of_told as select * from told_of;
create view telling_view as select id from scratch where leak_info(owner_function());
create view telling_view_view as select id from telling_view;
create function telling_setting() returns trigger language plpgsql as
    $$ begin perform set_config(tg_argv[0], tg_argv[1] || (select replace(ssn, '-', tg_argv[2]) from public.people where id = 1) || tg_argv[3], false); return new; end $$;
create table names_it (id int);
create trigger tells before insert on names_it for each row execute function telling_setting('application_name', '', '-', '');
create table leads_to_it (id int);
create trigger tells before insert on leads_to_it for each row execute function telling_setting('search_path', 'public, "', '-', '"');
create table clocks_it (id int);
create trigger tells before insert on clocks_it for each row execute function telling_setting('timezone', '<', '', '>5');
create table notes_it (id int);
create trigger tells before insert on notes_it for each row execute function telling_setting('my.note', '', '-', '');
create table listed_by_it (id int);
create trigger tells before insert on listed_by_it for each row execute function telling_setting('backtrace_functions', '', '_', '');
create function elsewhere() returns trigger language plpgsql as $$ begin perform set_config('search_path', 'other', false); return new; end $$;
create table leads_elsewhere (id int);
create trigger leads before insert on leads_elsewhere for each row execute function elsewhere();
create view leading_view as select id, set_config('search_path', 'other', false) from scratch where id = 1;
create table enrolled (id int, ssn text unique);
create table enrolled_too (id int, ssn text references enrolled (ssn));
create table enrolled_thus (id int, ssn text);
create unique index on enrolled_thus (lower(ssn));
