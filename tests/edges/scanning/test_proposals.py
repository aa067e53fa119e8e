"""Proposals that several processes write at once: none is lost, the surest stays, and a person's word stays above all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sluice.classify.columns import Proposal
from sluice.edges.scanning import Proposals


def seen(confidence: int, label: str = "pii.email") -> Proposal:
    return Proposal(label, confidence, ("seen",))


def test_what_workers_notice_at_once_is_all_kept(tmp_path: Path) -> None:
    def work(worker: int) -> None:
        for number in range(5):
            proposals = Proposals(tmp_path)
            proposals.notice("shop", f"public.t.c{number}", (worker, number), seen(50))
            proposals.save()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(list(Proposals(tmp_path))) == 20


def test_of_what_two_noticed_the_surer_stays_whoever_writes_last(tmp_path: Path) -> None:
    first, second, person = Proposals(tmp_path), Proposals(tmp_path), Proposals(tmp_path)
    first.notice("shop", "public.t.a", (1, 1), seen(50))
    second.notice("shop", "public.t.a", (1, 1), seen(70, "secret"))
    second.save()
    first.save()
    assert [(one.label, one.confidence) for one in Proposals(tmp_path)] == [("secret", 70)]
    # A scan looks at all of a column: its word replaces what was seen in passing, surer or not.
    person.put("shop", "public.t.a", (1, 1), seen(60))
    person.save()
    assert [one.confidence for one in Proposals(tmp_path)] == [60]


def test_what_a_person_said_meanwhile_stays(tmp_path: Path) -> None:
    Proposals(tmp_path).save()
    worker, person = Proposals(tmp_path), Proposals(tmp_path)
    person.put("shop", "public.t.a", (1, 1), seen(50))
    person.judge("shop", "public.t.a", "rejected")
    person.save()
    worker.notice("shop", "public.t.a", (1, 1), seen(89, "secret"))
    worker.save()
    assert [(one.label, one.verdict) for one in Proposals(tmp_path)] == [("pii.email", "rejected")]
