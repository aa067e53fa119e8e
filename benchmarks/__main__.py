"""`python -m benchmarks [--quick] [--seconds N]`: measures, prints ratios, writes benchmarks/results/."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

import matplotlib
from matplotlib import pyplot
from rich.console import Console
from rich.table import Table

from benchmarks import measures
from benchmarks.evidence import __main__ as evidence
from benchmarks.evidence import questions
from benchmarks.measures import Result
from benchmarks.stand import ROWS, Stand

matplotlib.use("svg")
EVENTS = 2_000_000
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Runs all measurements."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter, fewer rounds: for a first look")
    parser.add_argument("--seconds", type=int, default=5, help="how long each run of pgbench takes")
    parser.add_argument("--evidence", type=int, metavar="EVENTS", help="instead: questions of a log of so many events")
    given = parser.parse_args()
    if given.evidence:
        _evidence(given.evidence)
        return
    quick = given.quick
    console = Console()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        Path(folder).chmod(0o755)
        with Stand(Path(folder), 100_000 if quick else ROWS) as stand:
            found: list[Result] = []
            for name, results in (  # each is measured when its turn comes
                ("throughput", measures.throughput(stand, 1 if quick else given.seconds, 1 if quick else 5)),
                ("bulk", measures.bulk(stand, 2 if quick else 5)),
                ("idle", measures.idle(stand, 100 if quick else 500)),
                ("analysis", measures.analysis(stand)),
            ):
                console.print(f"[bold]==>[/] {name}")
                for result in results:
                    found.append(result)
                    console.print(f"    {result[0]}: {result[1]} {result[2]:,.0f} {result[3]}")
            console.print("[bold]==>[/] a thousand policies")
            many = stand.beside(1_000)
            found += measures.flatness(stand, many)
    _write(found, console)


def _evidence(events: int) -> None:
    """Signing, sealing, reading and verifying of as many as are quickly made; questions of all."""
    with tempfile.TemporaryDirectory(prefix="sluice-evidence-") as folder:
        print(json.dumps(evidence.measure(min(events, EVENTS), Path(folder)), indent=2))
        print(json.dumps(questions.measure(events, Path(folder)), indent=2))


def _write(found: Iterable[Result], console: Console) -> None:
    rows: dict[str, dict[str, tuple[float, str]]] = {}
    for what, way, value, unit in found:
        rows.setdefault(what, {})[way] = (value, unit)
    table = Table("what", "direct", "pgbouncer", "sluice", "of direct", "of pgbouncer")
    lines = [
        "| what | direct | pgbouncer | sluice | of direct | of pgbouncer |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for what, ways in rows.items():
        cells = [
            what,
            *(
                f"{ways[way][0]:,.2f} {ways[way][1]}" if way in ways else ""
                for way in ("direct", "pgbouncer", "sluice")
            ),
        ]
        cells += [
            f"{ways['sluice'][0] / ways[way][0]:.2f}" if way in ways and ways[way][0] else ""
            for way in ("direct", "pgbouncer")
        ]
        table.add_row(*cells)
        lines.append(f"| {' | '.join(cells)} |")
    console.print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.md").write_text("\n".join(lines) + "\n")
    _plot(rows)


def _plot(rows: dict[str, dict[str, tuple[float, str]]]) -> None:
    compared = {what: ways for what, ways in rows.items() if len(ways) > 1}
    figure, axes = pyplot.subplots(figsize=(9, 0.5 * len(compared) + 1.5))
    for index, way in enumerate(("direct", "pgbouncer", "sluice")):
        places = [place + 0.27 * (index - 1) for place in range(len(compared))]
        axes.barh(
            places,
            [ways[way][0] / ways["direct"][0] if way in ways else 0 for ways in compared.values()],
            0.25,
            label=way,
        )
    axes.set_yticks(range(len(compared)), list(compared))
    axes.invert_yaxis()
    axes.set_xlabel("of the direct connection")
    axes.legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "latest.svg")


if __name__ == "__main__":
    main()
