"""A change that is missed is a rule that is not in force, or a user who is not shut out."""

from __future__ import annotations

from pathlib import Path

from sluice.edges.config import Config, load
from sluice.runtime.watch import Watch, named
from sluice.testing.gateway import starter_policies, verifier

CONFIG = """\
sources: {shop: {host: 127.0.0.1, environment: production, user: gateway}}
users_file: users.yaml
masking: {key: {file: masking.key}}
"""


def _files(folder: Path) -> tuple[Path, Config]:
    texts = {**starter_policies(), "sluice.yaml": CONFIG, "users.yaml": "users: {}\n", "labels.yaml": "labels: {}\n"}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    path = folder / "sluice.yaml"
    return path, load(path)


def test_a_file_that_changes_is_noticed_once(tmp_path: Path) -> None:
    path, config = _files(tmp_path)
    watch = Watch(path, config)
    assert not watch.changed()
    (tmp_path / "policies" / "own.cedar").write_text("// nothing yet")
    assert watch.changed()
    assert not watch.changed()


def test_a_change_made_while_another_is_read_is_noticed_after_it(tmp_path: Path) -> None:
    path, config = _files(tmp_path)
    watch = Watch(path, config)
    (tmp_path / "policies" / "own.cedar").write_text("// nothing yet")
    assert watch.changed()
    read = load(path)
    (tmp_path / "users.yaml").write_text(f'users: {{alice: {{scram: "{verifier("a password")}"}}}}\n')
    watch.follow(read)
    assert watch.changed()


def test_files_that_a_new_configuration_names_are_watched(tmp_path: Path) -> None:
    path, config = _files(tmp_path)
    watch = Watch(path, config)
    (tmp_path / "others.yaml").write_text("users: {}\n")
    path.write_text(CONFIG.replace("users.yaml", "others.yaml"))
    assert watch.changed()
    watch.follow(load(path))
    watch.changed()
    (tmp_path / "others.yaml").write_text("users: {bob: {groups: [support]}}\n")
    assert watch.changed()


def test_a_file_that_a_rejected_configuration_lacks_is_noticed_once_it_is_there(tmp_path: Path) -> None:
    path, config = _files(tmp_path)
    watch = Watch(path, config)
    path.write_text(CONFIG.replace("users.yaml", "others.yaml"))
    assert watch.changed()
    watch.follow(named(path, config))
    watch.changed()
    assert not watch.changed()
    (tmp_path / "others.yaml").write_text("users: {}\n")
    assert watch.changed()


def test_a_configuration_that_cannot_be_read_leaves_the_watched_files_as_they_were(tmp_path: Path) -> None:
    path, config = _files(tmp_path)
    path.write_text("sources: [")
    assert named(path, config) is config
