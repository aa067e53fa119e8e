"""Writes the reference pages from the code: `python docs/reference/generate.py`; with `--check` it only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import typer
from msgspec import Meta, Struct

from sluice.edges.config.config import Config, UsersFile
from sluice.edges.config.expected import described
from sluice.edges.config.schema import schema
from sluice.faces.cli.main import app
from sluice.faces.cli.output import encoded
from sluice.faces.cli.statuses import MEANINGS

HERE = Path(__file__).parent
NOTICE = "<!-- Written by generate.py from the code: change it there. -->\n"


def pages() -> dict[str, str]:
    """File name to content."""
    return {
        "config.schema.json": encoded(schema()).decode() + "\n",
        "configuration.md": NOTICE + "\n".join(_configuration()) + "\n",
        "commands.md": NOTICE + "\n".join(_commands()) + "\n",
    }


def _configuration() -> Iterator[str]:
    yield "\n# Configuration\n"
    yield "One YAML file, `sluice.yaml`. Unknown keys are errors. Relative paths begin at its folder. `${NAME}` in"
    yield "a value stands for an environment variable; a secret is only referred to, as `${NAME}`, `{file: path}` or"
    yield "`{command: [program, argument]}`. Editors can use [config.schema.json](config.schema.json).\n"
    yield "It is read again when it, the labels, a policy or the users file changes; what is wrong leaves the old one"
    yield "in force. Listeners, the admin port and the log take a restart."
    for name, kind in _structs(Config, ""):
        yield f"\n## {name or 'sluice.yaml'}\n"
        yield cleandoc(kind.__doc__ or "").split("\n\n")[0] + "\n"
        yield from _keys(kind)
    yield "\n## users_file\n"
    yield cleandoc(UsersFile.__doc__ or "") + " `sluice users` edits it.\n"
    yield from _keys(UsersFile)


def _keys(kind: type[Struct]) -> Iterator[str]:
    hints = get_type_hints(kind, include_extras=True)
    yield "| key | takes | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        meaning = next((each.description for each in _metas(hint) if each.description), "")
        inner = next(iter(_inner(hint, "")), None)
        takes = "see below" if inner else described(hint)
        yield f"| `{field.name}` | {takes} | {_default(field)} | {meaning} |".replace("``", "`")


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    made = field.default_factory is not msgspec.NODEFAULT
    value = field.default_factory() if made else field.default
    if value is None or value in ((), {}, ""):
        return ""
    if isinstance(value, Struct) or (isinstance(value, tuple) and isinstance(value[0], Struct)):
        return "as below"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(str(each) for each in value)}]`"
    if isinstance(value, int) and value >= 1024 and value % 1024 == 0:
        return f"`{value >> 20} MiB`" if value % (1 << 20) == 0 else f"`{value >> 10} KiB`"
    return f"`{value}`"


def _structs(kind: type[Struct], path: str) -> Iterator[tuple[str, type[Struct]]]:
    yield path, kind
    for name, hint in get_type_hints(kind, include_extras=True).items():
        for suffix, inner in _inner(hint, ""):
            yield from _structs(inner, f"{path}.{name}{suffix}" if path else f"{name}{suffix}")


def _inner(hint: Any, suffix: str) -> Iterator[tuple[str, type[Struct]]]:
    if isinstance(hint, type) and issubclass(hint, Struct):
        yield suffix, hint
    mark = {dict: ".NAME", tuple: "[]"}.get(get_origin(hint), "")
    for each in get_args(hint):
        yield from _inner(each, suffix + mark)


def _metas(hint: Any) -> Iterator[Meta]:
    for each in reversed(get_args(hint)):
        if isinstance(each, Meta):
            yield each


def _commands() -> Iterator[str]:
    yield "\n# Commands\n"
    yield "Every command but `serve` takes `--json`; what goes wrong in it is JSON on standard output then."
    yield "`--help` explains each."
    yield "`sluice --install-completion` adds completion to your shell.\n"
    yield "## Exit statuses\n"
    yield "| status | meaning |\n| --- | --- |"
    for status, meaning in MEANINGS.items():
        yield f"| {int(status)} | {meaning} |"
    root: Any = typer.main.get_command(app)
    yield from _group(root, "sluice")


def _group(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        own = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _group(command, own)
            continue
        arguments = [
            (each.metavar or each.name).upper() for each in command.params if each.param_type_name == "argument"
        ]
        yield f"\n## {' '.join([own, *arguments])}\n"
        yield from (
            f"    {line.strip()}" if line.startswith("  ") else line for line in cleandoc(command.help).splitlines()
        )
        options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
        yield "\n| option | meaning | default |\n| --- | --- | --- |"
        for option in options:
            names = ", ".join(f"`{each}`" for each in option.opts)
            default = option.default
            shown = "" if default in (None, "", False, ()) else f"`{getattr(default, 'value', default)}`"
            yield f"| {names} | {option.help or ''} | {shown} |"


def main(arguments: list[str]) -> int:
    """Writes the pages, or with `--check` names those that are not as the code would write them."""
    stale = [name for name, text in pages().items() if not _is(HERE / name, text)]
    if arguments == ["--check"]:
        for name in stale:
            print(f"{name} is not up to date: run docs/reference/generate.py")
        return 1 if stale else 0
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
