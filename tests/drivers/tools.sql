-- a browser of objects lists databases, schemas, roles
select db.oid, db.* from pg_catalog.pg_database db where datallowconn and not datistemplate order by db.datname
;;
select n.oid, n.*, d.description from pg_catalog.pg_namespace n left join pg_catalog.pg_description d on d.objoid = n.oid and d.objsubid = 0 and d.classoid = 'pg_namespace'::regclass order by nspname
;;
select r.*, pg_catalog.shobj_description(r.oid, 'pg_authid') as said from pg_catalog.pg_roles r order by r.rolname
;;
select m.*, r.rolname from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.roleid
;;
select c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) as bound, pg_catalog.pg_get_partkeydef(c.oid) as key from pg_catalog.pg_class c left join pg_catalog.pg_description d on d.objoid = c.oid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass where c.relnamespace = 'public'::regnamespace and c.relkind not in ('i', 'I', 'c') order by c.relname
;;
select c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value, dsc.description, dep.objid from pg_catalog.pg_attribute a join pg_catalog.pg_class c on a.attrelid = c.oid left join pg_catalog.pg_attrdef ad on a.attrelid = ad.adrelid and a.attnum = ad.adnum left join pg_catalog.pg_description dsc on c.oid = dsc.objoid and a.attnum = dsc.objsubid left join pg_catalog.pg_depend dep on dep.refobjid = a.attrelid and dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid where not a.attisdropped and c.relkind not in ('i', 'I', 'c') and c.oid = 'customers'::regclass order by a.attnum
;;
select c.oid, c.*, t.relname as tabrelname, rt.relnamespace as refnamespace, d.description, case when c.contype = 'c' then substring(pg_get_constraintdef(c.oid), 7) else null end as consrc from pg_catalog.pg_constraint c join pg_catalog.pg_class t on t.oid = c.conrelid left join pg_catalog.pg_class rt on rt.oid = c.confrelid left join pg_catalog.pg_description d on d.objoid = c.oid and d.objsubid = 0 where c.conrelid = 'orders'::regclass order by c.oid
;;
select i.*, i.indkey as keys, c.relname, c.relnamespace, c.relam, c.reltablespace, tc.relname as tabrelname, dsc.description, pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr, pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr, pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size, pg_catalog.pg_stat_get_numscans(i.indexrelid) as num_scans from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid join pg_catalog.pg_class tc on tc.oid = i.indrelid left join pg_catalog.pg_description dsc on i.indexrelid = dsc.objoid where i.indrelid = 'customers'::regclass order by tabrelname, c.relname
;;
select t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) as base, d.description from pg_catalog.pg_type t left join pg_catalog.pg_type et on et.oid = t.typelem left join pg_catalog.pg_class c on c.oid = t.typrelid left join pg_catalog.pg_description d on t.oid = d.objoid where t.typname is not null and (c.relkind is null or c.relkind = 'c') and (et.typcategory is null or et.typcategory <> 'C') order by t.oid
;;
select e.enumtypid, e.enumlabel from pg_catalog.pg_enum e order by e.enumtypid, e.enumsortorder
;;
select p.oid as poid, p.*, pg_catalog.pg_get_expr(p.proargdefaults, 0) as arg_defaults, d.description from pg_catalog.pg_proc p left join pg_catalog.pg_description d on d.objoid = p.oid where p.pronamespace = 'pg_catalog'::regnamespace and p.proname like 'lo%' order by p.proname, p.oid
;;
select p.oid, pg_catalog.pg_get_functiondef(p.oid) as source from pg_catalog.pg_proc p where p.proname = 'lower' order by p.oid
;;
select string_agg(word, ',' order by word) from pg_catalog.pg_get_keywords() where word <> all ('{a,abs,all}'::text[])
;;
select pg_catalog.pg_get_viewdef('plans'::regclass, true)
;;
select a.oid, a.attname, (aclexplode(a.attacl)).grantee::regrole, (aclexplode(a.attacl)).privilege_type from (select c.oid, x.attname, x.attacl from pg_class c join pg_attribute x on x.attrelid = c.oid where c.relname = 'items') a
;;
select grantee, privilege_type from information_schema.role_table_grants where table_name = 'items' order by 1, 2
;;
select c.relname, pg_catalog.pg_total_relation_size(c.oid) as total, pg_catalog.pg_relation_size(c.oid) as size, s.n_live_tup from pg_catalog.pg_class c left join pg_catalog.pg_stat_user_tables s on s.relid = c.oid where c.relnamespace = 'public'::regnamespace order by 1
;;
select t.oid, t.tgname, pg_get_triggerdef(t.oid, true), p.proname from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid where t.tgrelid = 'orders'::regclass order by 1
;;
select x.*, n.nspname from pg_catalog.pg_extension x join pg_catalog.pg_namespace n on n.oid = x.extnamespace order by x.extname
;;
select name, default_version, installed_version, comment from pg_catalog.pg_available_extensions order by name
;;
select l.oid, l.*, lp.proname from pg_catalog.pg_language l left join pg_catalog.pg_proc lp on lp.oid = l.lanplcallfoid order by 1
;;
select am.oid, am.* from pg_catalog.pg_am am order by am.oid
;;
select s.*, seq.* from pg_catalog.pg_sequence s join pg_catalog.pg_class seq on seq.oid = s.seqrelid order by seq.relname
;;
select cast(n.nspname as text), c.relname, case c.relkind when 'r' then 'table' else 'other' end as kind, (select count(*) from pg_catalog.pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal) as triggers, array_to_string(c.relacl::text[], ', ') as acl, substring(array_to_string(c.reloptions, ',') from 'fillfactor=([0-9]*)') as fill from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' order by 2
;;
select datname, pid, usename, application_name, state, query from pg_catalog.pg_stat_activity where datname = current_database() and pid = pg_backend_pid() and application_name = 'nobody'
;;
select (select sum(xact_commit) from pg_stat_database where datname = 'nothing') as commits, (select count(*) from pg_locks where database = 0) as locks
;;
-- what ORMs ask when they begin
select t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype from pg_type as t left join pg_range as r on t.oid = r.rngtypid where t.typname in ('int2', 'text', 'hstore') or t.typtype in ('r', 'e', 'd') or (t.typelem > 0 and t.typinput = 'array_in(cstring,oid,integer)'::regprocedure) order by t.oid
;;
select n.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elem from (select typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, elemtyp.oid as elem, case when proc.proname = 'array_recv' then 'a' else typ.typtype end as kind from (select oid, typnamespace, typname, typrelid, typnotnull, typelem as elemoid, typreceive, typtype from pg_type) as typ join pg_proc as proc on proc.oid = typ.typreceive left join pg_type as elemtyp on elemtyp.oid = typ.elemoid left join pg_class as cls on cls.oid = typ.typrelid where typ.typtype in ('b', 'r', 'm', 'e', 'd') or (typ.typtype = 'c' and cls.relkind = 'c')) as t join pg_namespace n on n.oid = t.typnamespace order by case when t.typtype in ('b', 'e', 'p') then 0 else 1 end, t.oid
;;
select c.oid, ns.nspname, t.typname, att.attname, att.atttypid from pg_type t join pg_namespace ns on ns.oid = t.typnamespace join pg_class c on c.oid = t.typrelid join pg_attribute att on att.attrelid = t.typrelid where t.typtype = 'c' and c.relkind = 'c' and att.attnum > 0 and not att.attisdropped order by t.typname, att.attnum
;;
select distinct i.relname, d.indisunique, d.indkey, pg_get_indexdef(d.indexrelid), pg_catalog.obj_description(i.oid, 'pg_class') as comment, d.indisvalid, array(select pg_get_indexdef(d.indexrelid, k + 1, true) from generate_subscripts(d.indkey, 1) k order by k) as cols from pg_class t join pg_index d on t.oid = d.indrelid join pg_class i on d.indexrelid = i.oid left join pg_namespace n on n.oid = t.relnamespace where i.relkind in ('i', 'I') and d.indisprimary = 't' and t.relname = 'customers' order by i.relname
;;
select a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.atttypid, a.atttypmod, c.collname, col_description(a.attrelid, a.attnum) as comment, attidentity as identity, attgenerated from pg_attribute a left join pg_attrdef d on a.attrelid = d.adrelid and a.attnum = d.adnum left join pg_type t on a.atttypid = t.oid left join pg_collation c on a.attcollation = c.oid and a.attcollation <> t.typcollation where a.attrelid = '"customers"'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
;;
select t2.oid::regclass::text as to_table, c.conname as name, c.confupdtype, c.confdeltype, c.convalidated, c.condeferrable, c.conkey, c.confkey, c.conrelid, c.confrelid from pg_constraint c join pg_class t1 on c.conrelid = t1.oid join pg_class t2 on c.confrelid = t2.oid join pg_namespace n on c.connamespace = n.oid where c.contype = 'f' and t1.relname = 'orders' and n.nspname = any (current_schemas(false)) order by c.conname
;;
select pg_try_advisory_lock(72707369), pg_advisory_unlock(72707369)
;;
select tbl.relname as table_name, namespace.nspname as namespace, (tbl.relhassubclass and tbl.relkind = 'p') as is_partition, obj_description(tbl.oid, 'pg_class') as description, tbl.relrowsecurity from pg_class as tbl join pg_namespace as namespace on namespace.oid = tbl.relnamespace where ((tbl.relkind = 'r' and tbl.relispartition = 'f') or tbl.relkind = 'p') and namespace.nspname = any (array['public']) order by namespace, table_name
;;
select oid.namespace, info.table_name, info.column_name, format_type(att.atttypid, att.atttypmod) as formatted_type, info.numeric_precision, pg_get_expr(attdef.adbin, attdef.adrelid) as column_default, info.is_nullable, info.is_identity from information_schema.columns info join pg_attribute att on att.attname = info.column_name join (select pg_class.oid, relname, pg_namespace.nspname as namespace from pg_class join pg_namespace on pg_namespace.oid = pg_class.relnamespace and reltype > 0) as oid on oid.oid = att.attrelid and relname = info.table_name and namespace = info.table_schema left join pg_attrdef attdef on attdef.adrelid = att.attrelid and attdef.adnum = att.attnum and table_schema = namespace where namespace = 'public' order by table_name, info.ordinal_position
;;
-- dashboards and their like
select quote_ident(table_name) as t from information_schema.tables where quote_ident(table_schema) not in ('information_schema', 'pg_catalog') and table_type = 'BASE TABLE' order by 1
;;
select quote_ident(column_name) as c, data_type from information_schema.columns where quote_ident(table_name) = 'orders' order by ordinal_position
;;
select current_setting('server_version_num')::int / 100 as version, current_setting('is_superuser'), current_database(), current_schema(), session_user
;;
select extract(epoch from placed) as time, sum(amount) as value from orders where placed between '2026-01-01T00:00:00Z' and '2026-02-01T00:00:00Z' group by 1 order by 1 limit 20
;;
select date_trunc('week', placed) as at, plan, count(distinct customer_id), sum(amount) as total from orders join customers on customers.id = orders.customer_id group by 1, 2 order by 3 desc, 1, 2
;;
select name, setting, unit, context from pg_catalog.pg_settings where name in ('max_connections', 'shared_buffers', 'TimeZone', 'server_version') order by name
;;
with table_privileges as (select t.schemaname, t.tablename, has_table_privilege(current_user, quote_ident(t.schemaname) || '.' || quote_ident(t.tablename), 'SELECT') as readable, has_any_column_privilege(current_user, quote_ident(t.schemaname) || '.' || quote_ident(t.tablename), 'update') as updatable from pg_catalog.pg_tables t where t.schemaname not like 'pg_%' and t.schemaname <> 'information_schema') select * from table_privileges order by 1, 2
;;
select count(*), count(*) filter (where plan = 'free'), max(placed) from orders join customers c on c.id = customer_id
;;
select c.plan, o.n from customers c join lateral (select count(*) n from orders o where o.customer_id = c.id) o on true order by 2, 1 limit 5
