"""A detector: one small declaration of how a kind of sensitive value is told from all else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

COUNTED = (
    "order", "orders", "invoice", "tracking", "shipment", "version", "build", "release", "sku", "isbn", "ean", "upc", "gtin",
    "barcode", "serial", "batch", "lot", "timestamp", "epoch", "unix", "hash", "sha", "sha1", "sha256", "md5", "checksum",
    "digest", "commit", "uuid", "guid", "count", "total", "price", "amount", "qty", "quantity", "port", "bytes", "size",
    "duration", "latency", "sequence", "seq", "trace", "span", "request", "ticket", "etag", "revision", "article", "product",
    "part", "po", "rma", "job", "run", "task", "session", "transaction", "txn", "ref", "reference", "code", "ms", "row",
)  # fmt: skip
"""Words that say of a number that it counts or names a thing, and no person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One kind of value. Patterns are over bytes, matched in time linear in the text, where the value begins.

    `kind` names it and `label` is what a column of it carries; `shown` stands for it in a scrubbed text. `lead` has to stand
    before the value and is no part of it, `follow` is a byte that has to come after. `check` is one of the kernel's (check
    digits, ranges). `bound`: what may stand beside it: `word`, no letter or digit; `token`, nor what would make it a part of
    something longer (a decimal, a path); `open`, anything after it.

    `alone`, `bare` and `told` are percent: how sure a match is by itself, when it is digits alone (as `alone` unless given),
    and where a word of `context` stands near, in the text or in the name of the column or key. A word of `against` halves the
    first two. `needs`: what the run of characters it begins in must hold: `@`, `:`, `0` for a digit; `n` if it is only looked
    for under a name that speaks for it. `reach`: the most bytes of lead and of value.

    `examples` hold the value, `counterexamples` look alike and do not; both are tests.
    """

    kind: str
    label: str
    pattern: str
    examples: tuple[str, ...]
    counterexamples: tuple[str, ...] = ()
    shown: str = ""
    lead: str = ""
    follow: str = ""
    check: str = ""
    bound: Literal["word", "token", "open"] = "token"
    needs: str = ""
    context: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    alone: int = 95
    bare: int = -1
    told: int = 95
    reach: int = 96
