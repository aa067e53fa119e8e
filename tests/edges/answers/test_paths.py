"""Data is followed from column to column and to people, through what was written and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sluice.audit.events import Caller, Landed, Reach
from sluice.edges.answers.ask import Answers
from sluice.edges.answers.drawing import as_mermaid, as_svg, as_text
from sluice.edges.answers.index import catch_up
from sluice.edges.answers.paths import paths

from .conftest import ALICE, START, TRAINER, asked, done

ETL = Caller("service", "etl", ("batch",), "scram")
EXPORT = Landed("public.export.mail", (Reach("public.customers.email", "value", ("pii.email",)),))
BACK = Landed("public.customers.email", (Reach("public.export.mail", "value", ()),))


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    (tmp_path / "audit-000001.jsonl").write_bytes(
        b"".join(
            [
                asked(ETL, "c1", 1, verb="insert", text="insert into export", writes=(EXPORT,)), done("c1", 1, 50),
                asked(ETL, "c1", 3, verb="insert", text="insert back", writes=(BACK,)), done("c1", 3, 1),
                asked(ALICE, "c2", 1), done("c2", 1, 5),
                asked(TRAINER, "c3", 1, column="public.export.mail", label="", text="select mail from export"), done("c3", 1, 50),
                asked(TRAINER, "c3", 3, column="public.orders.amount", label=""), done("c3", 3, 7),
                asked(ETL, "c1", 5, verb="insert", text="failed", writes=(Landed("public.lost.mail", EXPORT.flows),)),
                done("c1", 5, 0, outcome="failed"),
            ]
        )
    )  # fmt: skip
    catch_up(tmp_path)
    return Answers([tmp_path])


def _edges(answers: Answers, what: str, **more: object) -> list[tuple[int, str, str, str]]:
    found = paths(answers, what, **more)  # type: ignore[arg-type]
    return [(step, str(edge.origin), str(edge.target), edge.mask) for step, edge in found.edges]


FROM_CUSTOMERS = [
    (0, "shop public.customers.email", "user:alice", "clear"),
    (0, "shop public.customers.email", "shop public.export.mail", ""),
    (1, "shop public.export.mail", "agent:trainer", "clear"),
    (1, "shop public.export.mail", "shop public.customers.email", ""),
]


@pytest.mark.parametrize("what", ["pii", "pii.email", "public.customers.email", "customers.email", "public.customers"])
def test_a_label_is_followed_to_where_it_is_no_label_any_more(answers: Answers, what: str) -> None:
    assert sorted(_edges(answers, what)) == sorted(FROM_CUSTOMERS)


def test_a_person_is_answered_with_what_they_read_and_wrote(answers: Answers) -> None:
    assert {origin for _, origin, _, _ in _edges(answers, "trainer")} == {
        "shop public.export.mail",
        "shop public.orders.amount",
    }
    assert [(origin, target) for _, origin, target, _ in _edges(answers, "service:etl")] == [
        ("shop public.customers.email", "shop public.export.mail"),
        ("shop public.export.mail", "shop public.customers.email"),
    ]


def test_it_goes_so_far_and_so_far_back_as_asked(answers: Answers) -> None:
    assert sorted(_edges(answers, "pii", depth=1)) == sorted(FROM_CUSTOMERS[:2])
    later = datetime.fromtimestamp(START, UTC) + timedelta(hours=1)
    assert _edges(answers, "pii", since=later) == []
    assert _edges(answers, "nothing") == []


def test_paths_are_drawn(answers: Answers) -> None:
    found = paths(answers, "pii")
    text = "\n".join(as_text(found))
    assert text.startswith("shop public.customers.email\n")
    assert "  → shop public.export.mail: written by service:etl, 1 statement, 50 rows, last 2026-09-21 (c1-1)\n" in text
    assert "    → agent:trainer: clear to agent:trainer, 1 statement, 50 rows" in text
    assert "(see above)" in text
    mermaid = as_mermaid(found)
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count("-->") == 4
    svg = as_svg(found)
    assert svg.startswith("<svg ")
    assert (svg.count("<path "), svg.count("<g>")) == (4, 4)
    person = "\n".join(as_text(paths(answers, "etl")))
    assert "shop public.customers.email → shop public.export.mail: written by service:etl" in person
