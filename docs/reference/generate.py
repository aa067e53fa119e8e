"""Writes the reference pages from the code: `python docs/reference/generate.py`; with `--check` it only compares."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import typer
from msgspec import Meta, Struct

from sluice.audit import events
from sluice.edges.config.config import Config, UsersFile
from sluice.edges.config.expected import described
from sluice.edges.config.schema import schema
from sluice.faces.cli.main import app
from sluice.faces.cli.output import encoded
from sluice.faces.cli.statuses import MEANINGS
from sluice.model.masks import METHODS, Param
from sluice.policy import annotations
from sluice.policy import schema as cedar
from sluice.policy.book import BUILTIN, OPAQUE
from sluice.policy.load import load_policies
from sluice.runtime import stages
from sluice.runtime.metrics import Metrics
from sluice.runtime.stages import Stages
from sluice.testing.gateway import starter_policies

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "bypass"))
ways = importlib.import_module("ways")
NOTICE = "<!-- Written by generate.py from the code: change it there. -->\n"


def pages() -> dict[str, str]:
    """File name to content."""
    return {
        "config.schema.json": encoded(schema()).decode() + "\n",
        "configuration.md": NOTICE + "\n".join(_configuration()) + "\n",
        "commands.md": NOTICE + "\n".join(_commands()) + "\n",
        "events.md": NOTICE + "\n".join(_events()) + "\n",
        "policy.md": NOTICE + "\n".join(_policy()) + "\n",
        "masks.md": NOTICE + "\n".join(_masks()) + "\n",
        "ways-around.md": NOTICE.replace("the code", "`tests/bypass`") + "\n".join(ways.page()) + "\n",
        "metrics.md": NOTICE + "\n".join(_metrics()) + "\n",
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
    yield "Every command but `serve` and `psql` takes `--json`; what goes wrong in it is JSON on standard output then."
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


_UNWRITTEN = {
    events.LabelLearned: "Not written yet: labels that columns take on are kept in `learned-labels.json` beside the log.",
    events.InternalStatement: "Not written yet: what Sluice asks on its own account is not in the log.",
}


def _events() -> Iterator[str]:
    yield "\n# Events\n"
    yield "One line of JSON each, in `audit-000001.jsonl` and so on in the folder `audit.path`."
    yield " ".join(cleandoc(events.__doc__ or "").split("\n\n", 1)[1].split())
    nested: dict[type[Struct], None] = {}
    for kind in get_args(events.Event):
        yield f"\n## {kind.__struct_config__.tag}\n"
        yield cleandoc(kind.__doc__ or "")
        if kind in _UNWRITTEN:
            yield f"\n{_UNWRITTEN[kind]}"
        yield from _fields(kind, nested)
    yield "\n# Values in events"
    listed: set[type[Struct]] = set()
    while left := [kind for kind in nested if kind not in listed]:
        for kind in left:
            listed.add(kind)
            yield f"\n## {_heading(kind)}\n"
            yield cleandoc(kind.__doc__ or "")
            yield from _fields(kind, nested)


def _fields(kind: type[Struct], nested: dict[type[Struct], None]) -> Iterator[str]:
    hints = get_type_hints(kind)
    yield "\n| field | is |\n| --- | --- |"
    for field in msgspec.structs.fields(kind):
        yield f"| `{field.name}` | {_shape(hints[field.name], nested)} |"


def _shape(hint: Any, nested: dict[type[Struct], None]) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Struct):
        nested.setdefault(hint)
        return f"[{_heading(hint)}](#{_heading(hint)})"
    if origin is tuple:
        return f"a list, each {_shape(inner[0], nested)}"
    if origin is dict:
        return f"{_shape(inner[1], nested)} by name"
    if origin is Literal:
        return "one of " + ", ".join(f"`{each}`" for each in inner)
    if msgspec.UnsetType in inner:
        return " or ".join(_shape(each, nested) for each in inner if each is not msgspec.UnsetType) + ", or left out"
    if type(None) in inner:
        return " or ".join(_shape(each, nested) for each in inner if each is not type(None)) + ", or null"
    return {str: "text", int: "a whole number", bool: "`true` or `false`"}[hint]


def _heading(kind: type[Struct]) -> str:
    return kind.__name__.lower()


_ANNOTATIONS = {
    "id": "its name, unique among all policies; refusals and events quote it",
    "description": "what it is for",
    "hint": "what a refusal advises, instead of whom to ask",
    "row_limit": "a statement that rests on this permit gets so many rows at most",
    "statement_timeout": "a statement that rests on this permit is cancelled after so long: `30s`, `15m`, `1h`",
    "read_only": "a statement that rests on this permit runs in a read-only transaction",
    "budget": "how many values of a label each principal is shown by this permit within a time: `1000/1h`",
    "over_budget": "what becomes of values beyond the budget: `mask` (the default), or `cut`: the result ends",
    "approval": "the group whose members may lift this forbid",
    "approvals": "how many of them it takes (1)",
    "expires": "how long an approval holds (an hour)",
    "uses": "for how many executions (1)",
    "mask": "how this forbid hides what it keeps from being revealed: `redact`, `partial:keep_last=2`, …",
}
_COLUMN_ACTIONS = {
    "reveal": "an output is the value, or is computed from it row by row",
    "aggregate": "an output is a count, sum, average or the like of it",
    "lookup": "it is compared for equality with a constant or parameter",
    "join": "it is compared for equality with another column",
    "filter": "it shapes the result in any other way: `LIKE`, `<`, `ORDER BY`, `GROUP BY`, `DISTINCT`, `CASE` …",
    "launder": "its value lands in a column that does not carry its label",
}


def _policy() -> Iterator[str]:
    yield "\n# Policies\n"
    yield "Policies are written in [Cedar](https://docs.cedarpolicy.com). What no policy permits is refused; a `forbid` always"
    yield "wins; a policy that fails to evaluate refuses the statement. They are validated against the schema below when they"
    yield "are loaded; one that does not fit is an error with its file and line."
    yield "\n## Annotations\n\n| annotation | on | meaning |\n| --- | --- | --- |"
    for names, on in (
        (annotations.EITHER, "both"), (annotations.ON_PERMIT, "`permit`"), (annotations.ON_FORBID, "`forbid`")
    ):  # fmt: skip
        for name in names:
            yield f"| `@{name}` | {on} | {_ANNOTATIONS[name]} |"
    yield "\nAnother annotation is an error. Nothing in this version gives approvals: a statement that only they would release"
    yield "is refused, with a hint that says whom to ask."
    yield "\n## Actions on statements\n\n| group | holds |\n| --- | --- |"
    for group, members in cedar.GROUPS.items():
        yield f"| `{group}` | {', '.join(f'`{each}`' for each in members)} |"
    yield "\nA group is an action too: what has no name of its own is asked under its group's. In no group are `connect`,"
    yield "`execute` (call a function that is not plain) and `opaque` (run what the analysis cannot understand; it asks for"
    yield "`read` and `write` on the source besides)."
    yield "\n## Actions on columns\n\n| action | asked when |\n| --- | --- |"
    for name in cedar.COLUMN_ACTIONS:
        yield f"| `{name}` | {_COLUMN_ACTIONS[name]} |"
    yield "\n`lookup`, `join` and `filter` are in the group `use`. Whoever may `reveal` a label may also use and aggregate it, unless"
    yield "that is forbidden; `launder` always takes a permit of its own. A column without a label needs none of these, but a"
    yield "`forbid` can still name it."
    yield "\n## Schema\n\n```text"
    yield cedar.schema_text().strip()
    yield "```"
    yield "\n## Starter policies\n"
    yield "`sluice init` copies these; they are yours to change.\n"
    yield "| policy | file | effect | description |\n| --- | --- | --- | --- |"
    bundle = load_policies(starter_policies())
    for name, (file, line) in sorted(bundle.origins.items(), key=lambda item: item[1]):
        given = bundle.annotations[name]
        yield f"| `{name}` | `{Path(file).name}:{line}` | {given.effect} | {given.description} |"


def _masks() -> Iterator[str]:
    yield "\n# Masks\n"
    yield "Strictest first. Where several labels reach an output the strictest mask holds. Every mask leaves `NULL` as it is,"
    yield "keeps a value valid for its type in text and binary format, and gives `NULL` for a type it cannot keep valid."
    yield "\n| method | what remains | settings |\n| --- | --- | --- |"
    for method in METHODS:
        yield f"| `{method.name}` | {method.doc} | {'; '.join(map(_setting, method.params))} |"
    yield "\nAn output that is not the plain column itself gets `redact` or stricter: what is left of a computed value by"
    yield "`generalize`, `email`, `partial` or `scrub` could be turned inside out."
    yield "\n## Labels that exist without being written\n\n| label | mask | |\n| --- | --- | --- |"
    yield f"| `opaque` | `{BUILTIN['opaque'].method}` | what the analysis cannot follow carries `{OPAQUE}`, and all other labels |"
    yield f"| `secret` | `{BUILTIN['secret'].method}` | password hashes and connection strings in the system catalogs |"


def _setting(param: Param) -> str:
    kinds = " or ".join(f"`{each}`" for each in param.choices) or f"a whole number from {param.least}"
    return f"`{param.name}`: {param.doc}, {kinds} (`{param.default}`)"


def _metrics() -> Iterator[str]:
    yield "\n# Metrics\n"
    yield "The admin port (`admin` in the [configuration](configuration.md#admin)) serves three pages without a login, and the API with one"
    yield "(see [Ask for approval](../how-to/ask-for-approval.md)):\n"
    yield "| page | says |\n| --- | --- |"
    yield "| `/healthz` | 200 while the event log can be written, else 503 and why |"
    yield "| `/readyz` | 200 while it also has the catalog of every source and is not stopping, else 503 and why |"
    yield "| `/metrics` | the figures below, in the Prometheus text format |"
    yield "\n| name | kind | labels | meaning |\n| --- | --- | --- | --- |"
    for name, metric in sorted(vars(Metrics()).items()):
        if name == "registry":
            continue
        if isinstance(metric, Stages):
            yield f"| `{stages.NAME}` | histogram | `stage`, `way` | {stages.HELP} |"
            continue
        labels = ", ".join(f"`{each}`" for each in metric._labelnames)
        suffix = "_total" if metric._type == "counter" else ""
        yield f"| `{metric._name}{suffix}` | {metric._type} | {labels} | {metric._documentation} |"


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
