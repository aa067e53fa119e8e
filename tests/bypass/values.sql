-- The hidden values, put into a database made by schema.sql.
update people set ssn = '{ssn}', email = '{email}@corp.example.com', salary = {salary}, dob = '{dob}', secret = '{secret}',
    notes = 'call back, key {secret}, mail {email}@corp.example.com, no. {ssn}', tags = '{"{tag}"}', doc = '{"token": "{token}"}';
update people set ssn = '{ssn2}', salary = {salary2} where id = 2;
update people set ssn = '{ssn3}' where id = 3;
select lo_from_bytea(4242, '{secret}');
update people_child set ssn = '{ssn}';
update people_part set ssn = '{ssn}';
update people_generated set ssn = '{ssn}';
update other.people set name = '{ssn}';
update typed set ssn = '{ssn}';
update nested set inside = row(1, '{ssn}'), many = array[row(1, '{ssn}')::person_kind];
update domained set ssn = '{ssn}';
insert into enrolled values (1, '{ssn}');
insert into enrolled_thus values (1, '{ssn}');
refresh materialized view people_matview;
analyze;
