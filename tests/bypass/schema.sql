-- The database the bypass corpus attacks. The canary row is id 1; everything that hangs on it is labelled in labels.yaml.
create schema other;
create table people (
    id int primary key, name text, ssn text, email text, salary int, dob date, secret text, notes text, tags text[], doc jsonb
);
insert into people values
    (1, 'Row One', '987-65-4321', 'canary.leak@example.com', 123457, '1961-03-17', 'sk-canary-9f8e7d6c5b4a',
     'call back, key sk-canary-9f8e7d6c5b4a, mail canary.leak@example.com', '{canary-tag-7f3e9d}', '{"token": "canary-token-1b2c3d"}'),
    (2, 'Row Two', '987-65-4321', 'canary.leak@example.com', 123457, '1961-03-17', 'sk-canary-9f8e7d6c5b4a',
     'nothing here', '{canary-tag-7f3e9d}', '{"token": "canary-token-1b2c3d"}');
create table scratch (id int, txt text);
insert into scratch values (1, 'a'), (2, 'b');
create table guesses (guess text);
insert into guesses values ('987'), ('123');
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
insert into people_child values (1, '987-65-4321');
create table people_part (id int, ssn text) partition by list (id);
create table people_part_1 partition of people_part for values in (1);
insert into people_part values (1, '987-65-4321');
create table people_generated (
    id int, ssn text, masked_copy text generated always as ('x' || ssn) stored, secret_len int generated always as (length(ssn)) stored
);
insert into people_generated (id, ssn) values (1, '987-65-4321');
create table other.people as select id, ssn as name, name as ssn from public.people;
create role owner_role;
create function owner_function() returns text language sql security definer as 'select ssn from public.people where id = 1';
create view people_function_view as select owner_function() as v;
create procedure owner_procedure(inout v text) language plpgsql as $$ begin select ssn into v from public.people where id = 1; end $$;
create function leak_args(v text) returns text language plpgsql as $$ begin return v; end $$;
create function leak_notice(v text) returns bool language plpgsql as $$ begin raise notice '%', v; return true; end $$;
create function leak_error(v text) returns bool language plpgsql as $$ begin raise exception '%', v; end $$;
create function plus_one(v int) returns int language sql as 'select v + 1';
create function leak_op(text, text) returns text language sql as 'select $1';
create operator <+> (leftarg = text, rightarg = text, function = leak_op);
create function steal_state(text, text) returns text language sql as 'select $2';
create aggregate steal_agg(text) (sfunc = steal_state, stype = text);
create function const_leak() returns text language sql immutable as 'select ssn from public.people where id = 1';
create function leak_trigger() returns trigger language plpgsql as
    $$ begin new.txt := (select ssn from public.people where id = 1); return new; end $$;
create function delete_everything() returns int language sql as 'delete from public.people; select 1';
