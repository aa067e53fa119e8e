"""Two gateways on one store: what is shown in clear is counted together, and labels that one learned hold in the other."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from grounds import ground
from typer.testing import CliRunner

from sluice.edges import budgets
from sluice.edges.store import Store
from sluice.faces.cli.main import app
from sluice.testing.gateway import RunningGateway, verifier
from sluice.testing.postgres import PostgresServer

PASSWORD = "open sesame"
BUDGET = 100
POLICIES = f"""
@id("all") permit (principal, action in [Action::"connect", Action::"read", Action::"write", Action::"define"], resource);
@id("sees-mail") @budget("{BUDGET}/1h") permit (principal, action == Action::"reveal", resource in Label::"pii.email");
@id("copies") permit (principal, action == Action::"launder", resource);
@id("sees-phones") @budget("{BUDGET}/1h") @over_budget("cut")
permit (principal, action == Action::"reveal", resource in Label::"pii.phone");
@id("sees-names") permit (principal, action == Action::"reveal", resource in Label::"pii.name");
@id("not-too-many-names") forbid (principal, action in Action::"read", resource == Table::"post.public.notes")
when {{ context.session.rows.hasTag("pii.name") && context.session.rows.getTag("pii.name") > 500 }};
"""
LABELS = """\
labels: {pii: redact, pii.email: redact, pii.phone: redact, pii.name: redact}
columns: {post: {public.box.mail: pii.email, public.box.phone: pii.phone, public.box.name: pii.name}}
"""
SCHEMA = """
create table box (id int primary key, mail text, phone text, name text); create table notes (id int);
insert into box select i, 'mail' || i, 'phone' || i, 'name' || i from generate_series(1, 1000) i;
grant all on box, notes to post_gateway; grant create on schema public to post_gateway;
"""
CLEAR = "mail"
FILES = {"policies/post.cedar": POLICIES, "labels.yaml": LABELS}


@dataclass(frozen=True, slots=True)
class Post:
    one: RunningGateway
    two: RunningGateway
    store: Store
    people: Iterator[str]
    config: str

    def connect(self, who: str, gateway: RunningGateway | None = None) -> psycopg.Connection:
        return psycopg.connect((gateway or self.one).dsn(who, PASSWORD, "post"), autocommit=True)

    def counted(self, who: str) -> int:
        found = self.store.read(lambda c: budgets.spent(c, time.time())).result()
        return sum(one.values for one in found if one.who == f"user:{who}")


def shown(rows: list[tuple[object, ...]]) -> int:
    return sum(str(row[0]).startswith(CLEAR) for row in rows)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def post(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Post]:
    folder: Path = tmp_path_factory.mktemp("post")
    place, where = ground(postgres, "post", folder, shared=request.param == "postgres")
    postgres.psql(SCHEMA, "post")
    people = [f"p{n}" for n in range(12)]
    proof = verifier(PASSWORD)
    config = (
        f"sources:\n  post: {{host: 127.0.0.1, port: {postgres.port}, environment: staging, user: post_gateway}}\n"
        f"users:\n"
        + "".join(f'  {name}: {{groups: [work], scram: "{proof}"}}\n' for name in people)
        + "masking: {key: "
        "{file: masking.key}}\naudit: {path: audit}\n" + (where or "store: {path: ../control.db}\n")
    )
    with (
        RunningGateway(folder / "one", config, files=FILES) as one,
        RunningGateway(folder / "two", config, files=FILES) as two,
    ):
        store = Store(place)
        yield Post(one, two, store, iter(people), config)
        store.close()


def test_a_long_result_is_masked_from_where_the_budget_ends_and_so_is_what_another_gateway_shows(post: Post) -> None:
    who = next(post.people)
    with post.connect(who) as first, post.connect(who, post.two) as second:
        rows = first.execute("select mail from box order by id").fetchall()
        assert (len(rows), shown(rows)) == (1000, BUDGET)
        assert [str(row[0])[:4] for row in rows[: BUDGET + 1]] == ["mail"] * BUDGET + [str(rows[-1][0])[:4]]
        assert shown(second.execute("select mail from box").fetchall()) == 0
        # What has no budget is shown as before, and other people have their own.
        assert second.execute("select name from box limit 1").fetchall()[0][0].startswith("name")
    with post.connect(next(post.people)) as other:
        assert shown(other.execute("select mail from box limit 10").fetchall()) == 10


def test_many_short_results_are_counted_one_by_one_over_both_gateways(post: Post) -> None:
    who = next(post.people)

    def read(gateway: RunningGateway) -> int:
        with post.connect(who, gateway) as connection:
            found = [connection.execute("select mail from box where id = %s", (n,)).fetchall() for n in range(1, 121)]
            return sum(map(shown, found))

    with ThreadPoolExecutor(2) as pool:
        total = sum(pool.map(read, (post.one, post.two)))
    # What one of them held ready and did not use is the most that can be lacking.
    assert BUDGET - 2 * (BUDGET // 20) <= total <= BUDGET


def test_what_was_held_ready_and_not_used_is_put_back(post: Post) -> None:
    who = next(post.people)
    with post.connect(who) as connection:
        connection.execute("select mail from box limit 3").fetchall()
    post.one.until(lambda: post.counted(who) == 3, "what was not used to be put back")


def test_a_result_is_cut_where_policy_says_so(post: Post) -> None:
    who = next(post.people)
    with post.connect(who) as connection:
        said: list[str] = []
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        rows = connection.execute("select phone from box").fetchall()
        assert (len(rows), "budget" in said[0]) == (BUDGET, True)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="budget"):
            connection.execute("select phone from box")


def test_a_spent_budget_is_shown_and_told_once(post: Post) -> None:
    who = next(post.people)
    with post.connect(who) as connection:
        for _ in range(3):
            connection.execute("select mail from box").fetchall()
    mine = lambda event: event["event"] == "budget-spent" and event["who"] == f"user:{who}"  # noqa: E731
    event = post.one.event(mine)
    assert (event["label"], event["most"], event["seconds"]) == ("pii.email", BUDGET, 3600)
    assert len([event for event in post.one.events() if mine(event)]) == 1
    assert re.search(r'sluice_budgets_spent_total\{label="pii.email"\} [1-9]', post.one.fetch("/metrics")[1])
    words = ["budgets", "--who", f"user:{who}", "--config", str(post.two.config)]
    told = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(told.output) == [
        {"who": f"user:{who}", "label": "pii.email", "seconds": 3600, "values": BUDGET, "most": BUDGET}
    ]
    shown_to_people = CliRunner().invoke(app, [*words, "--spent"], env={"COLUMNS": "200"}).output
    assert shown_to_people.split("\n")[1].split() == [f"user:{who}", "pii.email", "1h", "100", "100", "100", "%"]
    assert "nothing is spent" in CliRunner().invoke(app, [*words, "--label", "pii.phone"]).output


def test_a_copy_ends_where_the_budget_does(post: Post) -> None:
    with post.connect(next(post.people)) as connection, pytest.raises(psycopg.Error, match="budget"):  # noqa: SIM117
        with connection.cursor().copy("copy box (mail) to stdout") as copy:
            read = b"".join(bytes(part) for part in copy)
            assert read.count(b"mail") <= BUDGET


def test_errors_do_not_quote_what_is_counted(post: Post) -> None:
    with post.connect(next(post.people)) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute("select mail::int from box where id = 7")
    assert "mail7" not in str(caught.value)


def test_how_many_rows_of_a_label_a_session_had_closes_what_comes_next(post: Post) -> None:
    who = next(post.people)
    with post.connect(who) as connection:
        connection.execute("select name from box limit 500").fetchall()
        connection.execute("select count(*) from notes").fetchall()
        connection.execute("select name from box limit 1").fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select count(*) from notes")
    with post.connect(who) as connection:
        connection.execute("select count(*) from notes").fetchall()


def test_labels_that_one_gateway_learned_hold_in_the_other(post: Post) -> None:
    who = next(post.people)
    with post.connect(who) as first, post.connect(who, post.two) as second:
        first.execute("create table copied as select id, mail from box")
        first.execute("select mail from box").fetchall()
        # Nothing of the budget is left: what has the label is hidden.
        assert shown(first.execute("select mail from copied").fetchall()) == 0

        def known() -> bool:
            try:
                return shown(second.execute("select mail from copied limit 1").fetchall()) == 0
            except psycopg.Error:
                return False

        post.two.until(known, "the other gateway to know the label")
    # It is known to one that starts later, too, whose log and files are new.
    three = post.one.folder.parent / "three"
    with RunningGateway(three, post.config, files=FILES) as later, post.connect(who, later) as third:
        later.until(lambda: shown(third.execute("select mail from copied limit 1").fetchall()) == 0, "the label")


def test_while_the_counts_cannot_be_read_nothing_of_it_is_shown(post: Post) -> None:
    post.store.write(lambda c: c.exec_driver_sql("alter table sluice_spent rename to sluice_gone")).result()
    try:
        with post.connect(next(post.people)) as connection:
            assert shown(connection.execute("select mail from box limit 10").fetchall()) == 0
            assert connection.execute("select id from box limit 10").rowcount == 10
    finally:
        post.store.write(lambda c: c.exec_driver_sql("alter table sluice_gone rename to sluice_spent")).result()
