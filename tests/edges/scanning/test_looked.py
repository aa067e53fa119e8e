"""What was looked into, on disk: several processes write it, none takes back what another wrote."""

from __future__ import annotations

from pathlib import Path

from sluice.edges.scanning import Looked
from sluice.model.columns import ColumnRef

BODY, NOTE = ColumnRef("public", "t", "body"), ColumnRef("public", "t.u", "no,te")


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    looked = Looked(tmp_path / "new")
    looked.put("shop", (7, 1), BODY, 25)
    looked.put("other", (7, 1), NOTE, 1043)
    looked.save()
    again = Looked(tmp_path / "new")
    assert again.held("shop") == {(7, 1): (BODY, 25)} and again.held("other") == {(7, 1): (NOTE, 1043)}
    assert set(again.sources) == {"shop", "other"} and not again.held("nowhere")


def test_two_that_write_at_once_keep_each_others(tmp_path: Path) -> None:
    one, other = Looked(tmp_path), Looked(tmp_path)
    one.put("shop", (7, 1), BODY, 25)
    other.put("shop", (7, 2), NOTE, 25)
    one.save()
    other.save()
    third = Looked(tmp_path)
    assert third.held("shop").keys() == {(7, 1), (7, 2)}
    third.drop("shop", [(7, 1), (9, 9)])
    third.save()
    one.put("shop", (7, 3), NOTE, 25)
    one.save()
    assert Looked(tmp_path).held("shop").keys() == {(7, 2), (7, 3)}, "what was dropped does not come back"


def test_nothing_changed_writes_nothing(tmp_path: Path) -> None:
    looked = Looked(tmp_path)
    looked.drop("shop", [(1, 1)])
    looked.save()
    assert not Looked.file(tmp_path).exists()
