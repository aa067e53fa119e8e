"""Text that nobody has labelled or looked into: an agent gets it in no shape, and no way of its own makes it known.

The canary is a word that no detector knows, so that the label alone stands between it and the agent.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from sluice.classify.columns import Proposal
from sluice.edges.scanning import Looked, Proposals, Scan, label
from sluice.testing.gateway import RunningGateway, starter_policies, verifier
from sluice.testing.postgres import PostgresServer

CANARY = "heliotrope"
TABLES = f"""
create table notes (id int primary key, body text, doc jsonb, raw bytea, many text[], at date default '2026-01-02');
create table seen (id int primary key, body text);
create table lines (note int, line text);
create view glance as select id, upper(body) as body from notes;
create function shout(text) returns text language sql immutable as 'select upper($1)';
insert into notes select n, '{CANARY}', '{{"k": "{CANARY}"}}', '{CANARY}', array['{CANARY}'] from generate_series(1, 3) n;
insert into seen select n, 'all is well' from generate_series(1, 3) n;
insert into lines select n, '{CANARY}' from generate_series(1, 3) n;
grant all on all tables in schema public to unknown_gateway;
alter table notes owner to unknown_gateway; alter table seen owner to unknown_gateway;
grant usage, create on schema public to unknown_gateway;
"""
FREE = """
@id("all-do-all-but-see")
permit (
  principal,
  action in [Action::"connect", Action::"read", Action::"write", Action::"define", Action::"destroy", Action::"execute"],
  resource
);
@id("people-see-unknown") permit (principal is User, action == Action::"reveal", resource in Label::"unknown");
"""
WAYS = (
    "select body from notes",
    "select body as harmless from notes",
    "select doc from notes",
    "select doc->>'k' from notes",
    "select jsonb_path_query(doc, '$.k') from notes",
    "select raw from notes",
    "select encode(raw, 'escape') from notes",
    "select many from notes",
    "select unnest(many) from notes",
    "select n from notes n",
    "select n::text from notes n",
    "select to_jsonb(n) from notes n",
    "select row_to_json(n) from notes n",
    "select json_agg(n) from notes n",
    "select string_agg(body, ',') from notes",
    "select max(body) from notes",
    "select body || '' from notes",
    "select substr(body, 1, 4) || substr(body, 5) from notes",
    "select reverse(body) from notes",
    "select convert_to(body, 'UTF8') from notes",
    "select body::varchar(99) from notes",
    "select shout(body) from notes",
    "select body from glance",
    "select (select body from notes limit 1)",
    "with x as (select body from notes) select * from x",
    "select body from seen union all select body from notes",
    "select * from seen join notes using (id)",
    "select * from notes, lateral (select line from lines where note = id) l",
    "table notes",
    "values ((select body from notes where id = 1))",
    "copy notes to stdout",
    "copy (select body from notes) to stdout (format csv)",
    "copy notes (body) to stdout (format binary)",
    "begin; declare c cursor for select body from notes; fetch all from c",
    "update notes set id = id where id = 1 returning body",
    "update notes set id = id where id = 1 returning notes",
    "delete from notes where id = 3 returning body",
    "insert into notes (id, body) values (9, 'x') on conflict (id) do nothing returning (select body from lines, notes limit 1)",
    "select query_to_xml('select body from notes', true, true, '')",
    "select 1 / (case when body like 'h%' then 0 else 1 end) from notes",
    "select body::int from notes",
    "select id from notes where body like 'helio%'",
    "select id from notes where body = 'heliotrope'",
    "select id from notes order by body",
    "select most_common_vals from pg_stats where tablename = 'notes'",
    "explain (analyze, verbose) select * from notes where body = 'heliotrope'",
)
SHEDDING = (
    "create temp table copied as select body from notes; select body from copied",
    "create table copied as select body from notes; select body from copied",
    "select body into copied from notes; select body from copied",
    "create temp table copied (body text); insert into copied select body from notes; select body from copied",
    "insert into seen select id + 10, body from notes; select body from seen",
    "update seen set body = notes.body from notes where notes.id = seen.id; select body from seen",
    "alter table notes rename column body to plain; select plain from notes",
    "alter table notes rename to plain; select body from plain",
    "comment on column notes.body is 'nothing in here'; select body from notes",
    "alter table notes alter column body type varchar(80); select body from notes",
    "alter table seen add column more text; update seen set more = notes.body from notes where notes.id = seen.id; select more from seen",
    "alter table seen inherit notes; select body from notes",
    "create view peek as select body from notes; select body from peek",
    "create materialized view kept as select body from notes; select body from kept",
    "create table heir () inherits (notes); select body from notes",
    "create table twin (like notes including all); insert into twin select * from notes; select body from twin",
    "alter table notes add column said text generated always as (body || '') stored; select said from notes",
    "alter table seen alter column body type text using (select max(body) from notes); select body from seen",
)


@pytest.fixture(scope="module")
def running(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    postgres.psql("create role unknown_gateway login nosuperuser")
    postgres.psql("create database jotted")
    postgres.psql(TABLES, "jotted")
    listed = f"host: 127.0.0.1, port: {postgres.port}, database: jotted, environment: staging, user: unknown_gateway"
    pw = f'scram: "{verifier("pw")}"'
    config = (
        f"sources: {{jotted: {{{listed}}}}}\n"
        f"users: {{ada: {{groups: [support], {pw}}}, maker: {{kind: agent, {pw}}}, trainer: {{kind: agent, groups: [training], {pw}}}}}\n"
        "masking: {key: {file: masking.key}}\naudit: {path: audit}\n"
    )
    files = {"policies/free.cedar": FREE, "labels.yaml": "labels: {pii: redact}\ncolumns: {}\n"}
    folder = tmp_path_factory.mktemp("unknown")
    with RunningGateway(folder, config, files=files, classification="{automatic: off}") as gateway:
        _scan(postgres, gateway, "seen")
        gateway.until(
            lambda: "all is well" in str(_all(gateway, "maker", "select body from seen")), "the look in force"
        )
        yield gateway


def _scan(postgres: PostgresServer, gateway: RunningGateway, *names: str) -> None:
    with psycopg.connect(postgres.dsn("jotted"), autocommit=True) as connection:
        scan = Scan(connection)
        label("jotted", scan, [table for table in scan.tables() if table[0].table in names], gateway.audit)


def _all(gateway: RunningGateway, user: str, sql: str, purpose: str = "") -> list[object]:
    """Everything that comes back, errors and notices too, from a transaction that is taken back at the end."""
    found: list[object] = []
    with psycopg.connect(gateway.dsn(user, "pw", "jotted", purpose=purpose)) as connection:
        connection.add_notice_handler(lambda notice: found.append(notice.message_primary))
        try:
            for one in sql.split("; "):
                if one.startswith("copy"):
                    with connection.cursor().copy(one.encode()) as copy:
                        found += [bytes(part) for part in copy]
                else:
                    cursor = connection.execute(one.encode())
                    found += cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            found.append(f"{error} {error.diag.message_detail}")
        connection.rollback()
    return found


def _tells(found: list[object]) -> bool:
    told = str([bytes(one) if isinstance(one, memoryview) else one for one in found]).lower()
    return any(word in told for word in (CANARY, CANARY[::-1], CANARY.encode().hex(), "(1,)", "(2,)"))


@pytest.mark.parametrize("sql", WAYS)
def test_an_agent_gets_unknown_text_in_no_shape(running: RunningGateway, sql: str) -> None:
    assert not _tells(_all(running, "maker", sql))


@pytest.mark.parametrize("sql", SHEDDING)
def test_an_agent_cannot_make_it_known(running: RunningGateway, sql: str) -> None:
    assert not _tells(_all(running, "maker", sql))


def test_people_see_it_and_what_was_looked_into_is_shown_to_all(running: RunningGateway) -> None:
    assert CANARY in str(_all(running, "ada", "select body from notes"))
    assert "all is well" in str(_all(running, "maker", "select body from seen"))


def test_what_detectors_know_is_hidden_from_people_in_unknown_text(running: RunningGateway) -> None:
    shown = str(_all(running, "ada", "insert into notes values (7, 'to quentin@example.com') returning body"))
    assert "to [email]" in shown


def test_unknown_text_that_a_person_writes_makes_the_column_unknown_until_it_is_looked_into_again(
    running: RunningGateway, postgres: PostgresServer
) -> None:
    with psycopg.connect(running.dsn("ada", "pw", "jotted"), autocommit=True) as connection:
        connection.execute("insert into seen select id + 100, body from notes where id = 1")
    assert "all is well" not in str(_all(running, "maker", "select body from seen"))
    assert not Looked(running.audit).held("jotted").keys() & {_place(postgres, "seen", "body")}
    postgres.psql("delete from seen where id > 100", "jotted")
    _scan(postgres, running, "seen")
    running.until(
        lambda: "all is well" in str(_all(running, "maker", "select body from seen")), "the second look in force"
    )


def test_a_persons_word_holds_whatever_is_written(running: RunningGateway, postgres: PostgresServer) -> None:
    place = _place(postgres, "lines", "line")
    proposals = Proposals(running.audit)
    proposals.put("jotted", "public.lines.line", place, Proposal("pii", 60, ("its name",)))
    proposals.save()
    assert not _tells(_all(running, "maker", "select line from lines")), "what waits for a person is not known yet"
    proposals.judge("jotted", "public.lines.line", "rejected")
    proposals.save()
    running.until(lambda: _tells(_all(running, "maker", "select line from lines")), "the word in force")
    with psycopg.connect(running.dsn("ada", "pw", "jotted"), autocommit=True) as connection:
        connection.execute("insert into lines select id, body from notes")
    assert _tells(_all(running, "maker", "select line from lines"))


def test_the_starter_policies_hide_it_from_agents_alone(running: RunningGateway) -> None:
    for name, text in starter_policies().items():
        running.write(name, text)
    running.write("policies/free.cedar", "")
    running.reload()
    running.until(lambda: CANARY in str(_all(running, "ada", "select body from notes", "ticket")), "the starter set")
    assert CANARY in str(_all(running, "ada", "select upper(body) from notes where body like 'h%'")).lower()
    shown = _all(running, "trainer", "select id, body, many, doc, raw from notes where id = 1", "fine-tuning")
    assert shown[0][1] == "[redacted]"  # type: ignore[index]
    assert not _tells(shown)
    refused = str(_all(running, "trainer", "select id from notes where body = 'heliotrope'", "fine-tuning"))
    assert "unknown" in refused and "not permitted" in refused


def _place(postgres: PostgresServer, table: str, column: str) -> tuple[int, int]:
    with psycopg.connect(postgres.dsn("jotted")) as connection:
        found = connection.execute(
            "select attrelid::int, attnum::int from pg_attribute where attrelid = %s::regclass and attname = %s",
            (table, column),
        ).fetchone()
    assert found is not None
    return found[0], found[1]
