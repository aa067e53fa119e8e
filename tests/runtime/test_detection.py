"""Values of columns that nobody labelled are looked through on their way: what a caller may not see is hidden in that very row."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from wire import Wire, fields, query

from sluice.edges.scanning import Proposals
from sluice.edges.sinks.jsonl import read

MAIL = "quentin.canary@example.com"
CARD = "4242 4242 4242 4242"
KEY = "AKIA" + "QWERTYUIOP234567"
SECRETS = (MAIL, CARD, KEY)
TEXT = f"wrote to {MAIL}, paid with {CARD}; deploys with {KEY}."

TABLE = f"""
create table jottings (id int primary key, words text, short varchar(12), padded char(40), doc jsonb, plain json, raw bytea,
    many text[], nothing int);
insert into jottings select n, '{TEXT}', left('{MAIL}', 12), '{MAIL}',
    jsonb_build_object('who', jsonb_build_array('{MAIL}', 7), 'note', '{TEXT}', 'n', n),
    '{{"escaped": "quentin.canary\\u0040example.com"}}', '{TEXT}'::bytea,
    array['a', '{TEXT}', null], n from generate_series(1, 3) n;
create type pair as (a int, b text);
grant all on jottings to shop_gateway;
"""
COLUMNS = ("words", "padded", "doc", "plain", "raw", "many")


@pytest.fixture(scope="module", autouse=True)
def jottings(gateway) -> Iterator[None]:
    """A table that nobody labelled, with secrets in every type that holds text."""
    with psycopg.connect(gateway.direct(), autocommit=True) as direct:
        direct.execute(TABLE)
        yield
        direct.execute("drop table jottings; drop type pair")


def _bare(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _holds(value: object) -> list[str]:
    return [secret for secret in SECRETS if secret.encode() in _bare(value)]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_secret_in_a_column_without_a_label_is_hidden_where_it_stands(gateway, column, binary):
    with gateway.connect("sam") as connection, connection.cursor(binary=binary) as cursor:
        values = [row[0] for row in cursor.execute(f"select {column} from jottings order by id").fetchall()]
    assert len(values) == 3
    assert not [value for value in values if _holds(value) or "canary" in str(value)]
    if column == "words":
        assert values[0] == "wrote to [email], paid with [card]; deploys with [key]."
    if column == "doc":
        assert values[1]["n"] == 2
        assert values[1]["who"] == ["[email]", 7]
    if column == "plain":
        assert values == [{"escaped": "[email]"}] * 3
    if column == "raw":
        assert values[0] == b"wrote to [email], paid with [card]; deploys with [key]."
    if column == "many":
        assert values[0] == ["a", "wrote to [email], paid with [card]; deploys with [key].", None]
    if column == "padded":
        assert values[0] == "[email]".ljust(40)


@pytest.mark.parametrize("form", ["text", "csv", "binary", "csv, delimiter ';', quote ''''"])
def test_a_copy_is_looked_through_in_every_format(gateway, form):
    text = f"copy (select id, {', '.join(COLUMNS)} from jottings) to stdout (format {form})"
    with gateway.connect("sam") as connection, connection.cursor() as cursor, cursor.copy(text) as copy:
        data = b"".join(map(bytes, copy))
    assert b"canary" not in data
    assert CARD.encode() not in data
    assert KEY.encode() not in data
    assert data.count(b"[email]") > 3


@pytest.mark.parametrize(
    "expression",
    ["upper(words)", "words || '!'", "row(1, words)", "row(1, words)::pair", "array[words]", "json_build_object('k', words)",
     "left(words, 40)", "t", "to_jsonb(t)", "(select string_agg(words, ',') from jottings)", f"'{MAIL}'"],
)  # fmt: skip
def test_what_is_computed_of_such_a_column_is_looked_through_too(gateway, expression):
    with Wire(gateway.dsn("sam")) as wire:
        seen = wire.ask(query(f"select {expression} from jottings t"))
    assert [message.kind for message in seen if message.kind in "ED"]
    assert not [message for message in seen if MAIL.encode() in message.body.lower() or KEY.encode() in message.body]


def test_who_may_see_a_label_sees_it_and_all_else_stays_hidden(gateway):
    with gateway.connect("sam", "ticket") as connection:
        assert connection.execute("select words from jottings where id = 1").fetchone() == (
            f"wrote to {MAIL}, paid with [card]; deploys with [key].",
        )
    with gateway.connect("olga", "incident") as connection:
        assert connection.execute("select words from jottings where id = 1").fetchone() == (TEXT,)


def test_the_same_statement_again_and_again_hides_every_time_and_is_told_every_time(gateway):
    with gateway.connect("sam", prepare_threshold=1) as connection:
        for number in (1, 2, 3, 1, 2, 3):
            value = connection.execute("select words from jottings where id = %s", [number]).fetchone()
            assert value is not None
            assert not _holds(value[0])
            assert connection.execute("select nothing from jottings where id = %s", [number]).fetchone() == (number,)
        connection.execute("select 'the end of it'")
    events = [json.loads(line) for line in read(gateway.gateway.folder / "audit")]
    done = [event["found"] for event in events if event["event"] == "statement-done" and event.get("found")]
    one = [
        {"output": 0, "label": "pci.pan", "values": 1, "shown": False},
        {"output": 0, "label": "pii.email", "values": 1, "shown": False},
        {"output": 0, "label": "secret.api_key", "values": 1, "shown": False},
    ]
    assert done[-6:] == [one] * 6
    assert not [line for line in map(json.dumps, done) if _holds(line)]


def test_an_error_that_quotes_such_a_value_is_withheld(gateway):
    with Wire(gateway.dsn("sam")) as wire:
        seen = wire.ask(query("select words::int from jottings where id = 1"))
    (failed,) = [message for message in seen if message.kind == "E"]
    assert MAIL.encode() not in failed.body
    assert fields(failed)["C"] == "22P02"


def test_what_was_found_becomes_a_proposal_that_waits(gateway):
    with gateway.connect("sam") as connection:
        connection.execute("select padded, doc, words from jottings").fetchall()

    def proposed() -> dict[str, str]:
        return {
            entry.column: entry.label
            for entry in Proposals(gateway.gateway.folder / "audit")
            if entry.column.startswith("public.jottings.") and not entry.in_effect
        }

    wanted = {
        "public.jottings.padded": "pii.email",
        "public.jottings.doc": "pii.free_text",
        "public.jottings.words": "pii.free_text",
    }
    gateway.gateway.until(lambda: wanted.items() <= proposed().items(), "the proposals")
    (doc,) = [entry for entry in Proposals(gateway.gateway.folder / "audit") if entry.column == "public.jottings.doc"]
    assert "pii.email at who[]" in doc.evidence[0]


def test_values_that_are_cut_across_many_reads_are_hidden_all_the_same(gateway):
    with Wire(gateway.dsn("sam")) as wire:
        seen = wire.ask(query("select repeat('word ', 300000) || words || repeat(' word', 300000) from jottings"))
    rows = [message for message in seen if message.kind == "D"]
    assert len(rows) == 3
    assert all(len(row.body) > 3_000_000 and b"[email]" in row.body and b"canary" not in row.body for row in rows)


def test_a_secret_pasted_into_a_statement_does_not_stand_in_the_log(gateway):
    pasted = "AKIA" + "ZYXWVUTS98765432"
    statements = [f"select id from jottings where id = 1 or short = '{one}'" for one in ("a", "b", pasted, "c", pasted)]
    with gateway.connect("sam") as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, prepare=False)
        cursor.execute(f"select short from jottings where short = '{pasted}' -- {pasted}", prepare=True)
        with pytest.raises(psycopg.Error):
            cursor.execute(f"insert into nowhere values ('{pasted}')")
    lines = list(read(gateway.gateway.folder / "audit"))
    assert not [line for line in lines if pasted.encode() in line]
    texts = [json.loads(line)["text"] for line in lines if b'"statement-asked"' in line]
    told = [text for text in texts if text.startswith("select id from jottings where id = 1 or short")]
    assert told == [f"{statements[0].partition(chr(39))[0]}'{one}'" for one in ("a", "b", "[key]", "c", "[key]")]
