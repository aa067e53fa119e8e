"""What detectors give as labels is what the starter taxonomy has."""

from __future__ import annotations

from importlib.resources import files

import pytest

from sluice.classify.matcher import LABELS
from sluice.classify.scrubbing import without_secrets
from sluice.policy import starter
from sluice.policy.labels import load_labels


def test_every_label_that_a_detector_gives_is_in_the_starter_taxonomy() -> None:
    text = files(starter).joinpath(starter.LABELS).read_text("utf-8")
    assert set(LABELS) <= load_labels(text, starter.LABELS).labels


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("select 1", "select 1"),
        ("select id from t where mail = 'ann@example.com' and n = 7", "select id from t where mail = '[email]' and n = 7"),
        ("insert into t values ('4242 4242 4242 4242')", "insert into t values ('[card]')"),
    ],
)  # fmt: skip
def test_a_statement_stays_readable_without_its_secrets(text: str, clean: str) -> None:
    assert without_secrets(text.encode()) == clean.encode()
