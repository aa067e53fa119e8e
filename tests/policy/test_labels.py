"""The label file: taxonomy, masks, assignments; errors with file, line and what was expected."""

from __future__ import annotations

import pytest

from sluice.model.columns import ColumnRef
from sluice.model.decision import Mask
from sluice.policy import starter
from sluice.policy.book import Pattern
from sluice.policy.labels import LabelError, load_labels

from .casework import STARTER

BROKEN = [
    ("not YAML", "labels: [", 1, "is not YAML"),
    ("an unknown section", "labels: {}\ncolums: {}", 2, "did you mean `columns`"),
    ("a list for a mapping", "labels: [pii]", 1, "expected a mapping of labels"),
    ("an unknown mask", "labels:\n  pii: blur", 2, "`blur` is not a mask method"),
    ("an unknown key", "labels:\n  pii:\n    msk: redact", 3, "did you mean `mask`"),
    ("an unknown setting", "labels:\n  pii: {mask: partial, params: {keep: 4}}", 2, "no setting `keep`"),
    ("settings of nothing", "labels:\n  pii: {params: {keep_last: 4}}", 2, "without a `mask`"),
    ("a label with a space", "labels:\n  my pii: redact", 2, "is not a label"),
    ("a label twice", "labels:\n  pii: redact\n  pii: hash", 3, "is given twice"),
    ("an unknown label", "labels:\n  pii.email:\ncolumns:\n  s:\n    a.b.c: pii.emial", 5, "did you mean `pii.email`"),
    ("no label", "columns:\n  shop:\n    a.b.c: []", 3, "is given no label"),
    ("two names", "labels:\n  pii: redact\ncolumns:\n  shop:\n    b.c: pii", 5, "is not `schema.table.column`"),
    ("an open quote", "labels:\n  pii:\ncolumns:\n  s:\n    'a.\"b.c': pii", 5, "is not `schema.table.column`"),
    ("a nested list", "labels:\n  pii: redact\ncolumns:\n  shop:\n    a.b.c: [[pii]]", 5, "expected a label"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
def test_a_broken_label_file_is_placed_and_explained(text: str, line: int, reason: str) -> None:
    with pytest.raises(LabelError) as error:
        load_labels(text, "l.yaml")
    assert (error.value.file, error.value.line) == ("l.yaml", line)
    assert reason in error.value.reason


def test_control_characters_are_an_error_not_a_surprise() -> None:
    with pytest.raises(LabelError):
        load_labels("labels: \x00")


@pytest.mark.parametrize(
    ("label", "mask"),
    [
        ("pii.email", Mask("email", (), ("pii.email",))),
        ("pii.email.work", Mask("email", (), ("pii.email.work",))),
        ("pii.ssn", Mask("partial", (("keep_last", "4"),), ("pii.ssn",))),
        ("pii.other", Mask("hash", (), ("pii.other",))),
        ("secret.key", Mask("null", (), ("secret.key",))),
        ("opaque.unknown", Mask("redact", (), ("opaque.unknown",))),
        ("never.heard.of", Mask("redact", (), ("never.heard.of",))),
        ("pci", Mask("null", (), ("pci",))),
        ("pii.plain", Mask("hash", (), ("pii.plain",))),
    ],
)
def test_a_label_takes_the_mask_of_the_nearest_above(label: str, mask: Mask) -> None:
    book = load_labels(
        """
        labels:
          pii: hash
          pii.email: email
          pii.ssn: {mask: partial, params: {keep_last: 4}, description: last four}
          pii.plain:
          pci: {mask: null}
        """
    )
    assert book.mask_of(label) == mask


def test_labels_above_and_built_in_ones_may_be_assigned() -> None:
    book = load_labels(
        "labels:\n  a.b.c: redact\ncolumns:\n  s:\n    x.y.z: [a.b, secret, extra.one]",
        builtin={ColumnRef("pg_catalog", "pg_authid", "rolpassword"): "extra.one"},
    )
    assert book.assignments[0].labels == {"a.b", "secret", "extra.one"}
    assert {"a", "a.b", "a.b.c", "opaque", "secret", "extra"} <= book.labels


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.b.c", ("a", "b", "c")),
        ('"a.b"."c""d".*', ("a.b", 'c"d', "*")),
        ("*.*.*_ssn", ("*", "*", "*_ssn")),
    ],
)
def test_patterns_are_read_in_three_parts(text: str, parts: tuple[str, str, str]) -> None:
    found = Pattern.parse(text)
    assert (found.schema, found.table, found.column) == parts


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c.d", "a..c", '"a".b."c', 'a"b.c.d', ".a.b"])
def test_what_is_not_three_parts_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        Pattern.parse(text)


def test_the_starter_labels_load() -> None:
    book = load_labels((STARTER / starter.LABELS).read_text())
    assert book.mask_of("secret.anything").method == "null"
    assert book.mask_of("pii.free_text").method == "scrub"


def test_an_empty_file_is_a_book_without_assignments() -> None:
    assert load_labels("").assignments == ()
    assert load_labels("labels:\ncolumns:\n").assignments == ()
