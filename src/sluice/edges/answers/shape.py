"""How lines become columns.

Most statements are the same few again and again, so what repeats is kept once: `shapes` (what was asked and decided, without
values), `sessions` (who, where, from where), `callers` (who asked which source). What is left of a statement in `facts` is a few
numbers. A completion that is not in the same slice of the log as its statement stands in `late`, and its statement in `open`; all
other events stand in `others`, as they are.

`seen` is what `who-saw` goes by: how often and how many rows each caller received by each shape, week by week. `named` has the hashes of identifying
values, in their order, so that one is found in the few rows around it.

JSON is parsed once a shape and once a session. Of every other line only its parts are cut out, at marks like `"withheld":`: these
cannot stand inside a JSON string, whose quotes are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping

WEEK = 7 * 86_400 * 1_000_000
"""In microseconds; weeks are counted from the epoch on."""

UNSEEN = "('prepared', 'skipped', 'failed')"
"""How statements end of which nobody received a row."""

_FLOWS = '[{"column": "VARCHAR", "kind": "VARCHAR", "labels": ["VARCHAR"]}]'

SHAPE: Mapping[str, str] = {
    "step": '"VARCHAR"', "purpose": '"VARCHAR"', "withheld": '"VARCHAR"', "normalized": '"VARCHAR"',
    "fingerprint": '"VARCHAR"', "verb": '"VARCHAR"', "confidence": '"VARCHAR"', "actions": '["VARCHAR"]',
    "tables": '[{"table": "VARCHAR", "access": "VARCHAR"}]', "functions": '["VARCHAR"]',
    "outputs": f'[{{"name": "VARCHAR", "mask": "VARCHAR", "labels": ["VARCHAR"], "flows": {_FLOWS}, "opaque": "BOOLEAN"}}]',
    "uses": _FLOWS, "writes": f'[{{"column": "VARCHAR", "flows": {_FLOWS}, "opaque": "BOOLEAN"}}]', "outcome": '"VARCHAR"',
    "policies": '["VARCHAR"]', "revealed": '["VARCHAR"]', "hidden": '["VARCHAR"]',
    "refusal": '{"code": "VARCHAR", "message": "VARCHAR", "detail": "VARCHAR"}', "snapshot": '"UBIGINT"',
    "approval": '{"request": "VARCHAR", "by": [{"by": "VARCHAR", "groups": ["VARCHAR"], "reason": "VARCHAR"}]}',
}  # fmt: skip
"""What a shape holds, by the types of DuckDB's `from_json`."""

SESSION: Mapping[str, str] = {
    "connection": '"VARCHAR"', "source": '"VARCHAR"', "environment": '"VARCHAR"',
    "identity": '{"kind": "VARCHAR", "name": "VARCHAR", "groups": ["VARCHAR"], "method": "VARCHAR", '
    '"on_behalf_of": {"kind": "VARCHAR", "name": "VARCHAR"}}',
    "client": '{"address": "VARCHAR", "application": "VARCHAR", "tls": "BOOLEAN"}',
}  # fmt: skip
"""What a session holds."""

_NAMED = '[{"output": "USMALLINT", "shown": "BOOLEAN", "labels": ["VARCHAR"], "key": "VARCHAR", "values": "VARCHAR", "more": "BOOLEAN"}]'
_DONE = '{"outcome": "VARCHAR", "rows": "UBIGINT", "bytes": "UBIGINT", "masked": ["UBIGINT"], "duration_us": "UBIGINT", "error": "VARCHAR"}'


def _structure(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {kind}' for name, kind in fields.items()) + "}"


PREPARE: tuple[str, ...] = (
    # Control characters are escaped in the log, so none of its lines is cut at one.
    """
    create or replace temp table lines as
    select line, substr(line, 11, instr(line, '","') - 11) as event,
        substr(line, instr(line, '"id":"') + 6, 80) as behind
    from read_csv($slice, columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '', escape = '', header = false,
        auto_detect = false, max_line_size = 268435456, new_line = '\\n')
    """,
    """
    create or replace temp table parts as
    select line, event, substr(behind, 1, instr(behind, '"') - 1) as id,
        substr(line, instr(line, '"time":"') + 8, 27)::TIMESTAMPTZ as time
    from lines
    """,
    """
    create or replace temp table asked as
    select line, time, hash(left(id, length(id) - strpos(reverse(id), '-'))) as session,
        try_cast(split_part(id, '-', -1) as UBIGINT) as n,
        hash(substr(line, instr(line, '"source":"'), instr(line, '"purpose":"') - instr(line, '"source":"'))) as caller,
        contains(line, '"outcome":"allow"') as allowed,
        hash(substr(line, instr(line, '"withheld":')), substr(line, instr(line, '"step":"'), 14),
            substr(line, instr(line, '"purpose":"'), instr(line, '"client":') - instr(line, '"purpose":"'))) as shape
    from parts where event = 'statement-asked'
    """,
    f"""
    create or replace temp table entries as
    select session, n, time, e.output as output, e.shown as shown, e.key as key,
        ',' || array_to_string(e.labels, ',') || ',' as labels, coalesce(e.more, false) as more,
        lower(hex(from_base64(coalesce(e."values", '')))) as hashes
    from (
        select hash(left(id, length(id) - strpos(reverse(id), '-'))) as session,
            try_cast(split_part(id, '-', -1) as UBIGINT) as n, time,
            unnest(from_json(substr(line, instr(line, '"subjects":[') + 11, length(line) - instr(line, '"subjects":[') - 11),
                '{_NAMED}')) as e
        from parts where event = 'statement-done' and contains(line, '"subjects":[')
    )
    """,
    # Of each statement: under which key it names people, and in which outputs it names all of them.
    """
    create or replace temp table telling as
    select session, n, any_value(key) || ',' || coalesce(string_agg(output, ',' order by output) filter (complete), '') || ',' as told
    from (
        select session, n, key, output, bool_and(not more) as complete from entries group by all
    ) group by session, n having count(distinct key) = 1
    """,
    f"""
    create or replace temp table ended as
    select session, n, d.rows as rows, d.bytes as bytes, coalesce(list_sum(d.masked), 0)::UBIGINT as masked,
        d.duration_us as duration_us, d.outcome as ended, d.error as error, t.told as told
    from (
        select hash(left(id, length(id) - strpos(reverse(id), '-'))) as session,
            try_cast(split_part(id, '-', -1) as UBIGINT) as n, from_json(line, '{_DONE}') as d
        from parts where event = 'statement-done'
    ) left join telling t using (session, n)
    """,
)
"""What is made of a slice of the log (the file `$slice`), in this order."""

DATASETS: Mapping[str, str] = {
    "shapes": f"""
        select shape, s.* from (
            select shape, from_json(any_value(line), '{_structure(SHAPE)}') as s
            from asked where shape not in (select shape from known_shapes) group by shape
        )
    """,
    "sessions": f"""
        select session, s.* from (
            select session, from_json(any_value(line), '{_structure(SESSION)}') as s
            from asked where session not in (select session from known_sessions) group by session
        )
    """,
    "callers": f"""
        select caller, s.source, s.environment, s.identity from (
            select caller, from_json(any_value(line), '{_structure(SESSION)}') as s
            from asked where caller not in (select caller from known_callers) group by caller
        )
    """,
    "facts": """
        select a.time, a.shape, a.caller, a.session, a.n, d.rows, d.bytes, d.masked, d.duration_us, d.ended, d.error, d.told
        from asked a left join ended d using (session, n) order by a.time
    """,
    "late": "select * from ended d where not exists (select 1 from asked a where a.session = d.session and a.n = d.n)",
    "open": """
        select a.time, a.shape, a.caller, a.session, a.n from asked a
        where a.allowed and not exists (select 1 from ended d where d.session = a.session and d.n = a.n)
    """,
    "seen": f"""
        select (epoch_us(a.time) // {WEEK})::INTEGER as week, a.shape, a.caller, count(*)::UBIGINT as statements,
            sum(d.rows)::UBIGINT as rows, min(a.time) as first, max(a.time) as last,
            arg_max(a.session, a.time) as session, arg_max(a.n, a.time) as n
        from asked a join ended d using (session, n)
        where a.allowed and d.ended not in {UNSEEN} and coalesce(d.rows, 1) > 0 group by all order by week
    """,
    "named": """
        select ('0x' || substr(hashes, place + 1, 16))::UBIGINT as hash, time, session, n, output, shown, labels
        from (select *, unnest(range(0, length(hashes), 16)) as place from entries) order by hash, time
    """,
    "others": """
        select event, id, time, line->>'connection' as connection, line->>'source' as source, line
        from parts where event not in ('statement-asked', 'statement-done')
    """,
}
"""The columns that are kept, each by the query that makes them of a slice."""

COMPACTED: Mapping[str, str] = {
    "facts": "select * from $files order by time",
    "named": "select * from $files order by hash, time",
    "others": "select * from $files order by time",
    "seen": """
        select week, shape, caller, sum(statements)::UBIGINT as statements, sum(rows)::UBIGINT as rows, min(first) as first,
            max(last) as last, arg_max(session, last) as session, arg_max(n, last) as n
        from $files group by all order by week
    """,
}
"""What one file is made of by many, where it is not all of them."""

VIEWS: Mapping[str, str] = {
    "statements": """
        select f.time, s.connection || '-' || f.n as id, s.source, s.environment, s.identity.kind as kind,
            s.identity.name as who, s.identity.on_behalf_of.name as on_behalf_of, s.identity.groups as groups,
            h.purpose, s.client.address as address, s.client.application as application, h.verb, h.actions, h.step, h.outcome,
            h.policies, h.approval.request as approval, [a.by for a in h.approval.by] as approved_by,
            h.revealed, h.hidden, [t.table for t in h.tables] as tables, h.normalized as text,
            h.fingerprint, h.confidence, h.refusal.message as refusal, coalesce(f.rows, l.rows) as rows,
            coalesce(f.bytes, l.bytes) as bytes, coalesce(f.masked, l.masked) as masked,
            coalesce(f.duration_us, l.duration_us) as duration_us, coalesce(f.ended, l.ended) as ended,
            coalesce(f.error, l.error) as error, coalesce(f.told, l.told) as told, s.connection, f.n, f.shape, f.session, h.outputs, h.uses, h.writes,
            h.snapshot
        from facts f join shapes h using (shape) join sessions s using (session)
            left join late l on l.session = f.session and l.n = f.n
    """,
}
"""What is made for whoever asks."""

_ENDED = "0::UBIGINT as rows, 0::UBIGINT as bytes, 0::UBIGINT as masked, 0::UBIGINT as duration_us, '' as ended, '' as error, '' as told"
_NO_LINE = "'{}'"

EMPTY: Mapping[str, str] = {
    "shapes": f"select 0::UBIGINT as shape, s.* from (select from_json({_NO_LINE}, '{_structure(SHAPE)}') as s) where false",
    "sessions": f"select 0::UBIGINT as session, s.* from (select from_json({_NO_LINE}, '{_structure(SESSION)}') as s) where false",
    "facts": "select null::TIMESTAMPTZ as time, 0::UBIGINT as shape, 0::UBIGINT as caller, 0::UBIGINT as session, 0::UBIGINT as n, "
    f"{_ENDED} where false",
    "late": f"select 0::UBIGINT as session, 0::UBIGINT as n, {_ENDED} where false",
    "callers": "select 0::UBIGINT as caller, s.source, s.environment, s.identity from "
    f"(select from_json({_NO_LINE}, '{_structure(SESSION)}') as s) where false",
    "open": "select null::TIMESTAMPTZ as time, 0::UBIGINT as shape, 0::UBIGINT as caller, 0::UBIGINT as session, 0::UBIGINT as n where false",
    "seen": "select 0 as week, 0::UBIGINT as shape, 0::UBIGINT as caller, 0::UBIGINT as statements, 0::UBIGINT as rows, "
    "null::TIMESTAMPTZ as first, null::TIMESTAMPTZ as last, 0::UBIGINT as session, 0::UBIGINT as n where false",
    "named": "select 0::UBIGINT as hash, null::TIMESTAMPTZ as time, 0::UBIGINT as session, 0::UBIGINT as n, 0::USMALLINT as output, "
    "false as shown, '' as labels where false",
    "others": "select '' as event, '' as id, null::TIMESTAMPTZ as time, '' as connection, '' as source, '' as line where false",
}
"""What stands for a data set that no file holds yet."""
