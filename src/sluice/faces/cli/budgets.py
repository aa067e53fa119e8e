"""`sluice budgets`: how much of each budget is spent, by whom."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from sluice.edges import budgets
from sluice.faces.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath
from sluice.faces.cli.output import Output
from sluice.faces.cli.revoke import in_store

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))


def command(
    who: Annotated[str, typer.Option(help="Only this one's, as `user:dana`, `service:etl` or `agent:helper`.")] = "",
    label: Annotated[str, typer.Option(help="Only of this label.")] = "",
    spent: Annotated[bool, typer.Option("--spent", help="Only budgets of which nothing is left.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """List what is spent of each budget (`@budget` in a policy), by identity and label, the most first.

    What is counted is what was shown in clear within the budget's time, over all connections, workers and gateways on this store, and
    the little that a gateway holds ready. Whoever saw nothing under a budget is not listed.

    Examples:

      sluice budgets

      sluice budgets --who user:dana --label pii.email

      sluice budgets --spent --json
    """
    now = time.time()
    found = [
        one
        for one in in_store(config, lambda connection: budgets.spent(connection, now))
        if (not who or one.who == who) and (not label or one.label == label) and (not spent or one.left == 0)
    ]
    out = Output(json)
    out.data(
        [
            {"who": one.who, "label": one.label, "seconds": one.seconds, "values": one.values, "most": one.most}
            for one in found
        ]
    )
    rows = [
        (one.who, one.label, _time(one.seconds), one.values, one.most, f"{100 * one.values // one.most} %" if one.most else "")
        for one in found
    ]  # fmt: skip
    out.table(("who", "label", "within", "shown", "of", "spent"), rows)
    if not rows:
        out.say("nothing is spent of any budget", "note")


def _time(seconds: int) -> str:
    size, unit = next((one for one in _UNITS if seconds % one[0] == 0), (1, "s"))
    return f"{seconds // size}{unit}"
