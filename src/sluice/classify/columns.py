"""What a column holds, by its name, its comment, the keys it follows and a sample of its values: a proposal with its evidence.

The evidence says how much spoke for the label. It never holds a value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sluice.classify.matcher import find
from sluice.classify.scrubbing import Tally, scrub_values

IN_EFFECT: Final = 80
"""From this confidence on, in percent, a proposal takes effect without waiting for a person."""

FREE_TEXT: Final = "pii.free_text"

_NAMES: Final[tuple[tuple[str, str, int], ...]] = (
    (r"e?mails?(_?addr(ess)?)?|.*_e?mail|e?mail_.*", "pii.email", 82),
    (r"(.*_)?(phone|telephone|mobile|cell|fax|msisdn)(_?(number|no|num))?\d?", "pii.phone", 82),
    (r"(.*_)?(first|last|full|given|family|middle|maiden|sur)_?names?|(.*_)?(surname|vorname|nachname|cardholder|account_?holder)", "pii.name", 85),
    (r"(ip|mac|remote|client)_?addr(ess)?|ip", "pii.ip_address", 82),
    (r"(.*_)?(street|address|addr)(_?line)?_?\d?|(.*_)?(postcode|postal_?code|zip(_?code)?)", "pii.address", 82),
    (r"(.*_)?(birth_?(date|day)?|date_?of_?birth|dob|born(_on)?|geburtsdatum)", "pii.birth_date", 88),
    (r"(.*_)?(ssn|(social_?security|national_?(id|insurance))(_?(number|no))?)", "pii.national_id", 88),
    (r"(.*_)?(tax_?id|nino|pesel|cpf|curp|aadhaar|bsn|personnummer)", "pii.national_id", 88),
    (r"(.*_)?passport(_?(number|no))?", "pii.passport", 85),
    (r"(.*_)?driv(er|ers|ing)_?licen[cs]e(_?(number|no))?", "pii.driving_licence", 85),
    (r"(.*_)?(card|cc|credit_?card)_?(number|num|no)|pan", "pci.pan", 88),
    (r"cvv2?|cvc2?|(.*_)?security_?code", "pci.cvv", 88),
    (r"(.*_)?iban", "pci.iban", 88),
    (r"(.*_)?(bank_?)?acc(oun)?t_?(number|no)|routing_?number|sort_?code", "pci.account", 82),
    (r"(.*_)?(salary|wage|wages|compensation|base_?pay|bonus)(_.*)?", "hr.salary", 85),
    (r"(.*_)?(diagnos[ie]s|icd_?(9|10)?(_?code)?|condition_?code)", "phi.diagnosis", 85),
    (r"mrn|medical_?record.*|patient_?(no|number)", "phi.record", 85),
    (r"(insurance|member|subscriber)_?(id|no|number)", "phi.insurance", 70),
    (r"(.*_)?(pass(word|wd|phrase)|pwd)_?(hash|digest)|(.*_)?hashed_?password", "secret.password_hash", 92),
    (r"(.*_)?(pass(word|wd|phrase)|pwd)", "secret.password", 92),
    (r"(.*_)?(api|access|secret|private|signing|encryption)_?keys?", "secret.api_key", 88),
    (r"(.*_)?(secret|token)", "secret.token", 85),
    (r"(.*_)?(lat|latitude|lon|lng|longitude)", "pii.location", 75),
)  # fmt: skip
"""Names in small letters with `_` between words, the label they speak for, how sure in percent."""

_BY_NAME: Final = tuple((re.compile(pattern), label, sure) for pattern, label, sure in _NAMES)
_SPLIT: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_TELLING: Final = frozenset({"pii.email", "pci.pan", "pci.iban", "pii.ip_address", "pii.national_id"})
"""Labels whose values have a form, so that a sample without any speaks against the name."""

_UNLABELLED: Final = re.compile(r"bool|uuid|enum")
_UNVALUED: Final = re.compile(r"bool|uuid|enum|timestamp|^time")
"""Types whose values say nothing about them."""
_COUNTS: Final = re.compile(r"int|numeric|real|double|money")
_NUMBERS: Final = frozenset(
    {"hr.salary", "pii.location", "pci.pan", "pci.cvv", "pii.national_id", "pci.account", "pii.phone", "phi.record"}
)
"""Labels that a column of numbers can have."""
_TIMES: Final = re.compile(r"date|time")


@dataclass(frozen=True, slots=True)
class Facts:
    """A column as the catalog describes it."""

    name: str
    type_name: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A label for a column, how sure in percent, and why in words."""

    label: str
    confidence: int
    evidence: tuple[str, ...]

    @property
    def in_effect(self) -> bool:
        """Whether it holds until a person says otherwise."""
        return self.confidence >= IN_EFFECT


def propose(facts: Facts, values: Sequence[bytes]) -> Proposal | None:
    """The label that speaks loudest for a column, out of its name, type, comment and sampled `values` as text; None: none does."""
    named = _by_name(facts.name, facts.type_name, "its name", 0)
    if named is None and facts.comment:
        named = _by_comment(facts)
    valued = _by_values(facts, values) if values and not _UNVALUED.search(facts.type_name) else None
    if named is None or valued is None:
        return _doubted(named, values) if valued is None else valued
    if named.label.partition(".")[0] == valued.label.partition(".")[0] and valued.label != FREE_TEXT:
        surer = max(named, valued, key=lambda one: one.confidence)
        return Proposal(surer.label, min(99, surer.confidence + 10), (*named.evidence, *valued.evidence))
    return (
        valued
        if valued.confidence > named.confidence and valued.label != FREE_TEXT
        else replace(named, evidence=(*named.evidence, *valued.evidence))
    )


def inherited(proposal: Proposal, target: str) -> Proposal:
    """What a foreign key to a labelled column says of the column it is in."""
    return Proposal(proposal.label, proposal.confidence, (f"a foreign key to `{target}`",))


def _doubted(named: Proposal | None, values: Sequence[bytes]) -> Proposal | None:
    if named is None or named.label not in _TELLING or len(values) < 10:
        return named
    return Proposal(
        named.label,
        named.confidence * 2 // 3,
        (*named.evidence, f"against it: none of {len(values)} sampled values has the form"),
    )


def _by_name(name: str, type_name: str, what: str, less: int) -> Proposal | None:
    plain = "_".join(part.lower() for part in _SPLIT.split(name) if part)
    for pattern, label, sure in _BY_NAME:
        if not pattern.fullmatch(plain):
            continue
        if _UNLABELLED.search(type_name) or (_COUNTS.search(type_name) and label not in _NUMBERS):
            return None
        if _TIMES.search(type_name) and label != "pii.birth_date":
            return None
        return Proposal(label, sure - less, (f"{what} `{name}`",) if what == "its name" else (what,))
    return None


def _by_comment(facts: Facts) -> Proposal | None:
    words = _SPLIT.split(facts.comment.lower())
    for first, second in zip(words, (*words[1:], ""), strict=True):
        for said in (f"{first}_{second}" if second else first, first):
            found = _by_name(said, facts.type_name, "its comment", 15)
            if found is not None:
                return found
    return None


def _by_values(facts: Facts, values: Sequence[bytes]) -> Proposal | None:
    whole: Counter[str] = Counter()
    for value, found in zip(values, find(values, facts.name), strict=True):
        stripped = len(value.strip())
        if len(found) == 1 and (found[0].end - found[0].start) * 10 >= stripped * 9:
            whole[found[0].label] += 1
    if whole:
        label, count = whole.most_common(1)[0]
        share = count / len(values)
        if share >= 0.5:
            few = 12 if len(values) < 5 else 0
            return Proposal(
                label, round(60 + 36 * share) - few, (f"{count} of {len(values)} sampled values are of its form",)
            )
    _, tally = scrub_values(values, facts.name, None)
    within = Tally()
    within.add(tally)
    if within.total >= max(2, len(values) // 50):
        labels = Counter[str]()
        for (path, _, label), count in within.counts.items():
            labels[label if path == facts.name else f"{label} at {path}"] += count
        told = ", ".join(f"{label} ({count})" for label, count in labels.most_common(6))
        return Proposal(FREE_TEXT, 85, (f"within {len(values)} sampled values: {told}",))
    return None


def follow_keys(proposals: dict[str, Proposal], keys: Mapping[str, str]) -> None:
    """Adds what foreign keys inherit: `keys` maps columns to those they refer to, all as `schema.table.column`."""
    for _ in range(len(keys)):
        moved = False
        for column, target in keys.items():
            found = proposals.get(target)
            if found is not None and column not in proposals:
                proposals[column] = inherited(found, target)
                moved = True
        if not moved:
            return
