"""Edits the users file as text: comments and order stay. Each edit is read back before it takes the file's place."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from sluice.edges.config import ConfigError, User
from sluice.edges.config.load import load_users
from sluice.edges.config.tree import compose, is_nothing, line_of
from sluice.faces.cli.statuses import Failure, Status

HEADER = """\
# Who may log in. Kept by `sluice users add` and `sluice users remove`; you may edit it too: comments stay.
# `scram` is a verifier: a password can be checked by it, not read from it. Keep it private all the same.
users:
"""


def add(path: Path, name: str, user: User) -> None:
    """Adds a user at the end; Failure when there is one of that name."""
    with _edited(path) as edit:
        if name in edit.users:
            raise Failure(Status.FAILED, f"the user `{name}` exists already", "remove it first to make it anew")
        edit.save(_with(edit.text, str(path), name, user), {**edit.users, name: user})


def remove(path: Path, name: str) -> None:
    """Removes a user with the comments inside its entry; Failure when there is none of that name."""
    with _edited(path) as edit:
        if name not in edit.users:
            raise Failure(Status.FAILED, f"there is no user `{name}` in `{path}`")
        left = {other: user for other, user in edit.users.items() if other != name}
        edit.save(_without(edit.text, str(path), name), left)


class _Edit:
    def __init__(self, path: Path, text: str, users: Mapping[str, User]) -> None:
        self.path = path
        self.text = text
        self.users = users

    def save(self, text: str, expected: Mapping[str, User]) -> None:
        """Puts the new text in the file's place at once, or leaves the file as it was."""
        mode = self.path.stat().st_mode & 0o777 if self.path.exists() else 0o600
        fd, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        fresh = Path(name)
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            if not _reads_as(fresh, expected):
                raise Failure(
                    Status.FAILED, f"`{self.path}` is written in a way that cannot be edited here", "edit it by hand"
                )
            fresh.replace(self.path)
        finally:
            fresh.unlink(missing_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _edited(path: Path) -> Iterator[_Edit]:
    try:
        # The folder is locked, not the file: the file is replaced by each edit.
        lock = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"the folder of `{path}` cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            users = load_users(path)
            yield _Edit(path, path.read_text(encoding="utf-8"), users)
        else:
            yield _Edit(path, HEADER, {})
    except OSError as error:
        raise Failure(Status.UNREACHABLE, f"`{path}` cannot be written: {error.strerror}") from error
    finally:
        os.close(lock)


def _reads_as(path: Path, expected: Mapping[str, User]) -> bool:
    try:
        return load_users(path) == expected
    except ConfigError:
        return False


def _with(text: str, file: str, name: str, user: User) -> str:
    users = _users(text, file)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if users is None:
        return "".join([*lines, "" if _names_users(text, file) else "users:\n", *_entry(name, user, "  ")])
    first, _ = users.value[0]
    at = _last_line(users)
    return "".join([*lines[:at], *_entry(name, user, " " * first.start_mark.column), *lines[at:]])


def _without(text: str, file: str, name: str) -> str:
    users = _users(text, file)
    lines = text.splitlines(keepends=True)
    for key, value in users.value if users else ():
        if key.value == name:
            end = max(line_of(key), _last_line(value))
            kept = [*lines[: line_of(key) - 1], *lines[end:]]
            return "".join(kept)
    return text


def _users(text: str, file: str) -> yaml.MappingNode | None:
    """The mapping of users when it has entries in block style."""
    root = compose(text, file)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == "users" and isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            return value
    return None


def _names_users(text: str, file: str) -> bool:
    root = compose(text, file)
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    return any(key.value == "users" and is_nothing(value) for key, value in pairs)


def _last_line(node: yaml.Node) -> int:
    """The line a node's own text ends on, counted from 1; a block's end mark lies beyond comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return max(max(_last_line(key), _last_line(value)) for key, value in node.value)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return max(_last_line(each) for each in node.value)
    last: int = node.end_mark.line
    return last + (1 if node.end_mark.column else 0)


def _entry(name: str, user: User, indent: str) -> list[str]:
    fields: list[tuple[str, str]] = []
    quoted: Callable[[str], str] = _quoted
    if user.kind != "user":
        fields.append(("kind", user.kind))
    if user.groups:
        fields.append(("groups", _listed(user.groups)))
    if user.purposes is not None:
        fields.append(("purposes", _listed(user.purposes)))
    if user.default_purpose:
        fields.append(("default_purpose", quoted(user.default_purpose)))
    if user.certificates:
        fields.append(("certificates", _listed(user.certificates)))
    if user.scram is not None:
        fields.append(("scram", user.scram.text))
    if not fields:
        return [f"{indent}{quoted(name)}: {{}}\n"]
    return [f"{indent}{quoted(name)}:\n", *(f"{indent}  {key}: {value}\n" for key, value in fields)]


def _listed(names: tuple[str, ...]) -> str:
    return f"[{', '.join(_quoted(name) for name in names)}]"


def _quoted(text: str) -> str:
    """The text as a YAML scalar: bare where every reader takes it for text, else in double quotes."""
    bare = text.isascii() and text.replace("-", "").replace("_", "").isalnum() and text[0].isalpha()
    if bare and text.lower() not in ("null", "true", "false", "yes", "no", "on", "off", "y", "n"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
