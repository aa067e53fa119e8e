"""What of a text stands in the log: never a literal that met a labelled column."""

from __future__ import annotations

import pgparse
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.audit.redact import LIMIT, labelled, loggable, plain, scrubbed, wording
from sluice.model.columns import ColumnRef, TableRef
from sluice.sql.span import Action, Confidence, Flow, Output, SessionEffect, Span, Touch, Use, Write

CANARY = "canary4711"
EMAIL = ColumnRef("public", "customers", "email")
CITY = ColumnRef("public", "customers", "city")


def labels_of(column: ColumnRef) -> frozenset[str]:
    return frozenset({"pii.email"}) if column == EMAIL else frozenset()


def _span(verb: str = "select", column: ColumnRef = EMAIL, action: Action = "read") -> Span:
    tables = (Touch(TableRef("public", "customers"), "read"),)
    return Span(verb, action, Confidence.EXACT, uses=frozenset({Use(column, "lookup")}), tables=tables)


QUERIES = [
    "select 1 from customers where email = 'canary4711'",
    "select 1 from customers where email = E'canary\\u0034711' or email = 'canary4711'",
    "select 1 from customers where email = $$canary4711$$ or email = $q$canary4711$q$",
    "select 1 from customers where email = U&'!0063anary4711' UESCAPE '!' or email='canary4711'",
    "select 1 from customers where email = 'can'\n'ary4711' or email in ('canary4711', 'x')",
    "select 1 /* email = 'canary4711' /* nested canary4711 */ canary4711 */ from customers -- canary4711",
    "insert into customers(email) values ('canary4711') on conflict (email) do update set email = 'canary4711'",
    "update customers set email = 'canary4711' where email like 'canary4711%' escape 'c'",
    "delete from customers where email = 'canary4711' returning 'canary4711'",
    "select * from json_table('{}', '$' columns (a text path '$.canary4711' default 'canary4711' on empty)) j",
    "select * from xmltable('/canary4711' passing '<canary4711/>' columns a text path 'canary4711') x",
    "with recursive r as (select 'canary4711' a) cycle a set c to 'canary4711' default 'canary4711' using p table r",
    "select xmlpi(name php, 'canary4711'), xmlelement(name foo, 'canary4711')",
    "select 'canary4711'; select 'canary4711'",
]
UTILITIES = {
    "copy": "copy (select * from customers where email = 'canary4711') to stdout with (null 'canary4711')",
    "comment": "comment on table customers is 'canary4711'",
    "prepare": "prepare p as select * from customers where email = 'canary4711'",
    "execute": "execute p('canary4711')",
    "explain": "explain select * from customers where email = 'canary4711'",
    "do": "do $x$ begin perform 'canary4711'; end $x$",
    "call": "call p('canary4711')",
    "create table": "create table q (a text default 'canary4711' check (a <> 'canary4711'))",
    "create table as": "create table q as select * from customers where email = 'canary4711'",
    "create view": "create view v as select * from customers where email = 'canary4711'",
    "create function": "create function f() returns text language sql begin atomic select 'canary4711'; end",
    "alter table": "alter table customers alter email set default 'canary4711'",
    "declare": "declare c cursor for select * from customers where email = 'canary4711'",
    "alter role": "alter role canary_owner password 'canary4711'",
    "create user mapping": "create user mapping for x server s options (password 'canary4711')",
    "notify": "notify x, 'canary4711'",
    "set": "set my.note = canary4711",
    "something new": "select canary4711",
}


@pytest.mark.parametrize("text", QUERIES)
def test_no_literal_of_a_query_on_labelled_columns_is_logged(text: str) -> None:
    found = wording(text.encode(), [_span()], labels_of, accepted=True)
    assert CANARY not in repr(found)
    assert found.text is not None
    assert found.withheld == "literals"


@pytest.mark.parametrize("verb", UTILITIES)
def test_no_literal_of_a_utility_statement_is_logged_whatever_it_touches(verb: str) -> None:
    found = wording(UTILITIES[verb].encode(), [_span(verb, CITY)], labels_of, accepted=True)
    assert CANARY not in repr(found)
    assert found.text is not None


def test_short_numbers_of_a_utility_statement_are_literals_too() -> None:
    found = wording(
        b"create view v as select 1 from customers where pin = 1234", [_span("create view")], labels_of, accepted=True
    )
    assert found.text == "create view v as select ? from customers where pin = ?"


def test_ordinals_and_lengths_of_a_query_stay() -> None:
    text = b"select email::varchar(20) from customers where email = 'x' order by 1"
    found = wording(text, [_span()], labels_of, accepted=True)
    assert found.text == "select email::varchar(20) from customers where email = $1 order by 1"


def test_a_query_on_unlabelled_columns_is_logged_as_each_execution_has_it() -> None:
    text = b"select 1 from customers where city = 'Bern' -- note"
    found = wording(text, [_span(column=CITY)], labels_of, accepted=True)
    assert (found.text, found.withheld) == (None, "")
    assert found.normalized == "select $1 from customers where city = $2 /**/"
    assert found.fingerprint == pgparse.fingerprint(text.decode())
    assert plain(text) == "select 1 from customers where city = 'Bern' /**/"


def test_one_labelled_statement_of_several_withholds_the_literals_of_all() -> None:
    found = wording(b"select 'canary4711'; select 2", [_span(column=CITY), _span()], labels_of, accepted=True)
    assert found.withheld == "literals"
    assert CANARY not in repr(found)


def test_a_password_leaves_verb_and_tables_only() -> None:
    found = wording(
        b"alter role x password 'canary4711'",
        [Span("alter role", "administer", Confidence.EXACT)],
        labels_of,
        accepted=True,
    )
    assert found.text == "alter role … [text withheld]"


def test_ordinary_settings_are_logged_and_others_are_not() -> None:
    ordinary = Span("set", "session", Confidence.EXACT, effects=(SessionEffect("set", ("TimeZone", "UTC")),))
    assert wording(b"set timezone = 'UTC'", [ordinary], labels_of, accepted=True).text is None
    odd = Span("set", "session", Confidence.EXACT, effects=(SessionEffect("set", ("my.x", CANARY)),))
    assert wording(b"set my.x = canary4711", [odd], labels_of, accepted=True).text == "set … [text withheld]"
    bare = Span("set", "session", Confidence.EXACT)
    assert wording(b"set my.x = canary4711", [bare], labels_of, accepted=True).text == "set … [text withheld]"


def test_what_the_analysis_did_not_accept_never_reaches_the_grammar() -> None:
    deep = b"select " + b"(" * 200_000
    found = wording(deep, [], labels_of, accepted=False)
    assert (found.text, found.withheld) == ("[200007 bytes withheld: not understood]", "unread")


@pytest.mark.parametrize("text", [b"select '\xff'", b"select 'open", b"this is no statement 'canary4711'"])
def test_a_text_that_the_grammar_or_the_lexer_does_not_know_is_withheld(text: bytes) -> None:
    found = wording(text, [_span()], labels_of, accepted=True)
    assert (found.text, found.withheld) == ("select public.customers … [text withheld]", "text")


def test_a_long_text_is_cut_and_says_so() -> None:
    assert plain(b"x" * (LIMIT + 5)) == "x" * LIMIT + "… [5 characters cut]"


def test_a_huge_text_is_scrubbed_without_the_grammar_and_read_only_as_far_as_it_is_logged() -> None:
    text = b"select 'canary4711', " + b"/**/ 1," * 100_000 + b" 'canary4711'"
    found = wording(text, [_span(column=CITY)], labels_of, accepted=True)
    assert (found.withheld, found.fingerprint) == ("literals", "")
    assert found.text is not None
    assert found.text.startswith("select ?, /**/ ?,")
    assert found.text.endswith("characters cut]")
    assert len(found.text) < LIMIT + 40


def test_a_comment_behind_the_limit_is_not_logged() -> None:
    text = b"select " + b"a," * LIMIT + b"a -- canary4711"
    assert "canary" not in plain(text)
    assert plain(text).endswith(f"… [{LIMIT + 22} characters cut]")


@pytest.mark.parametrize("text", [b"select 1\x00'canary4711'", b"", b" ;"])
def test_odd_texts_are_worded_without_an_error(text: bytes) -> None:
    assert CANARY not in repr(wording(text.decode("unicode_escape").encode(), [_span()], labels_of, accepted=True))


_FLOW = frozenset({Flow(EMAIL, "value")})


@pytest.mark.parametrize(
    "span",
    [
        Span("select", "read", Confidence.PARTIAL),
        Span("select", "read", Confidence.OPAQUE),
        Span("select", "read", Confidence.EXACT, functions=frozenset({"public.f"})),
        Span("select", "read", Confidence.EXACT, outputs=(Output("a", _FLOW),)),
        Span("select", "read", Confidence.EXACT, outputs=(Output("a", frozenset(), opaque=True),)),
        Span("update", "write", Confidence.EXACT, writes=(Write(EMAIL, frozenset()),)),
        Span("update", "write", Confidence.EXACT, writes=(Write(CITY, _FLOW),)),
        Span(
            "explain",
            "read",
            Confidence.EXACT,
            prepared=Span("select", "read", Confidence.EXACT, outputs=(Output("a", _FLOW),)),
        ),
    ],
)
def test_anything_that_may_meet_a_label_counts_as_labelled(span: Span) -> None:
    assert labelled(span, labels_of)


def test_what_is_understood_and_meets_no_label_is_not_labelled() -> None:
    assert not labelled(_span(column=CITY), labels_of)


def test_loggable_takes_the_normalized_form_where_labels_are_touched() -> None:
    assert loggable("select 'a' -- b", "select $1 -- b", True) == "select $1 /**/"
    assert loggable("select 'a' -- b", "select $1 -- b", False) == "select 'a' /**/"
    assert loggable("select 'a", "select 'a", True) == "[text withheld]"


_literal = st.sampled_from(
    [
        "'canary4711'",
        "'it''s canary4711'",
        "e'\\'canary4711'",
        "$$canary4711$$",
        "$t$canary4711 $$ '$t$",
        "-- canary4711\n",
        "/* /* canary4711 */ ' */",
        "98765",
    ]
)
_other = st.sampled_from(
    ["select", " ", ",", "(", ")", '"a ""b"', "$1", "a.b", "x", "::int", "- ", "/ ", "* ", "1", "t1"]
)


@given(st.lists(_literal | _other, max_size=20).map(" ".join))
def test_the_lexer_finds_every_literal_and_comment_in_any_company(text: str) -> None:
    found = scrubbed(text)
    assert "canary" not in found
    assert "98765" not in found
    assert scrubbed(found) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"select name'\' || 'canary4711'", "select name? || ?"),
        (r"select e'\' canary4711'", "select e?"),
        (r"select é'\' || 'canary4711'", "select é? || ?"),
        ("select a$x$ || 'canary4711$x$'", "select a$x$ || ?"),
        ("select U&'\\0061' || 'canary4711'", "select U&? || ?"),
    ],
)
def test_the_lexer_reads_prefixes_as_the_server_does(text: str, found: str) -> None:
    assert scrubbed(text) == found


@given(st.text(alphabet="aeE'\"$-/*\\ \n1.", max_size=40))
def test_the_lexer_is_total_and_scrubs_to_a_fixed_point(text: str) -> None:
    found = loggable(text, text, True)
    assert "'" not in found.replace('"', "") or '"' in found
    assert loggable(found, found, True) == found
