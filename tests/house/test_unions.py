"""Rule 6: who takes the events of a closed union takes all of them."""

from __future__ import annotations

from typing import get_args

import pytest

from sluice.model.waist import Answered, Asked
from sluice.session import answering, asking, replicating, session
from sluice.session.events import Event


@pytest.mark.parametrize(
    ("handlers", "union"),
    [
        (asking.HANDLERS, Asked),
        (replicating.HANDLERS, Asked),
        (answering.HANDLERS, Answered),
        (session.HANDLERS, Event),
    ],
)
def test_every_kind_has_a_handler_and_no_handler_is_idle(handlers: dict[type, object], union: object) -> None:
    assert set(handlers) == set(get_args(union))
