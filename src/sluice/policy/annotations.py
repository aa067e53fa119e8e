"""What a policy says beside its condition: who may approve it, what it obliges to, how it hides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from sluice.model.decision import Mask
from sluice.model.masks import MaskError, mask

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h|d)")
_COUNT = re.compile(r"[1-9][0-9]{0,17}")
_LONGEST_BUDGET: Final = 31 * 86_400
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

EITHER: Final = ("id", "description", "hint")
ON_PERMIT: Final = ("row_limit", "statement_timeout", "read_only", "budget", "over_budget")
ON_FORBID: Final = ("approval", "approvals", "expires", "uses", "mask")


@dataclass(frozen=True, slots=True)
class Annotations:
    """The annotations of one policy, read. Times in milliseconds.

    `budget` is how many values of a label each principal may be shown by this permit within how many seconds; `cuts`: what
    would go over it ends the result, else it is masked. `approval` is the group whose members may lift a forbid (empty:
    nobody), `approvals` how many of them, `expires_ms` how long an approval holds, `uses` for how many executions. `mask` is
    how a forbid hides what it keeps from being revealed. `hint` replaces the usual advice in a refusal.
    """

    id: str
    effect: str
    description: str = ""
    hint: str = ""
    approval: str = ""
    approvals: int = 1
    expires_ms: int | None = None
    uses: int = 1
    row_limit: int | None = None
    statement_timeout_ms: int | None = None
    read_only: bool = False
    mask: Mask | None = None
    budget: tuple[int, int] | None = None
    cuts: bool = False


def read_annotations(effect: str, given: Mapping[str, str | None]) -> Annotations:
    """Reads `@name("value")` pairs of a `permit` or `forbid`; raises ValueError saying what was expected."""
    own, other = (ON_PERMIT, ON_FORBID) if effect == "permit" else (ON_FORBID, ON_PERMIT)
    for name in given:
        if name in other:
            raise ValueError(f"`@{name}` does not belong on a `{effect}`")
        if name not in EITHER and name not in own:
            near = get_close_matches(name, (*EITHER, *own), n=1)
            advice = f"did you mean `@{near[0]}`" if near else f"expected one of {', '.join((*EITHER, *own))}"
            raise ValueError(f"unknown annotation `@{name}`; {advice}")
    value = {name: text or "" for name, text in given.items()}
    if "id" not in value:
        raise ValueError('every policy needs a unique `@id("…")`')
    if not _ID.fullmatch(value["id"]):
        raise ValueError("`@id` must be letters, digits, `.`, `_` and `-`, at most 100 of them")
    if "approval" not in value and any(name in value for name in ("approvals", "expires", "uses")):
        raise ValueError("`@approvals`, `@expires` and `@uses` need an `@approval` that names who may approve")
    if value.get("approval", "-") == "":
        raise ValueError("`@approval` must name the group that may approve")
    if value.get("read_only", "true") not in ("", "true"):
        raise ValueError('`@read_only` takes no value or `"true"`')
    if value.get("over_budget", "mask") not in ("mask", "cut"):
        raise ValueError('`@over_budget` must be `"mask"` or `"cut"`')
    if "over_budget" in value and "budget" not in value:
        raise ValueError("`@over_budget` needs a `@budget` that can be spent")
    return Annotations(
        id=value["id"],
        effect=effect,
        description=value.get("description", ""),
        hint=value.get("hint", ""),
        approval=value.get("approval", ""),
        approvals=_count("approvals", value) or 1,
        expires_ms=_duration("expires", value),
        uses=_count("uses", value) or 1,
        row_limit=_count("row_limit", value),
        statement_timeout_ms=_duration("statement_timeout", value),
        read_only="read_only" in value,
        mask=_mask(value["mask"]) if "mask" in value else None,
        budget=_budget(value["budget"]) if "budget" in value else None,
        cuts=value.get("over_budget") == "cut",
    )


def _count(name: str, value: Mapping[str, str]) -> int | None:
    if name not in value:
        return None
    if not _COUNT.fullmatch(value[name]):
        raise ValueError(f"`@{name}` must be a whole number of at least 1")
    return int(value[name])


def _duration(name: str, value: Mapping[str, str]) -> int | None:
    if name not in value:
        return None
    found = _DURATION.fullmatch(value[name])
    if found is None:
        raise ValueError(f'`@{name}` must be a duration such as `"30s"`, `"15m"` or `"1h"`')
    return int(found[1]) * _UNITS[found[2]]


def _budget(text: str) -> tuple[int, int]:
    """`values/time`."""
    values, _, time = text.partition("/")
    found = _DURATION.fullmatch(time)
    seconds = int(found[1]) * _UNITS[found[2]] // 1000 if found else 0
    if not _COUNT.fullmatch(values) or not 60 <= seconds <= _LONGEST_BUDGET:
        raise ValueError('`@budget` must be a number of values in a time from `1m` to `31d`, such as `"1000/1h"`')
    return int(values), seconds


def _mask(text: str) -> Mask:
    """`method` or `method:setting=value,…`."""
    method, _, rest = text.partition(":")
    params: dict[str, str] = {}
    for part in rest.split(",") if rest else ():
        name, equals, setting = part.partition("=")
        if not equals or not name.strip() or name.strip() in params:
            raise ValueError('`@mask` must read like `"redact"` or `"partial:keep_last=2"`')
        params[name.strip()] = setting.strip()
    try:
        return mask(method.strip(), params)
    except MaskError as error:
        raise ValueError(f"`@mask`: {error}") from error
