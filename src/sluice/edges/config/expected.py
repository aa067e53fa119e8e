"""Says in words what a type of the configuration takes."""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Meta, Struct

from sluice.edges.config.people import Verifier
from sluice.edges.secrets import Secret

_WORDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "`true` or `false`",
    Path: "a path",
    Secret: "a reference to a secret: `${NAME}`, `{file: path}` or `{command: [program, argument]}`",
    Verifier: "a verifier made by `sluice users add`",
}


def described(hint: Any) -> str:
    """What may stand there, for messages and the reference."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(arguments[0], [meta for meta in arguments[1:] if isinstance(meta, Meta)])
    if origin in (Union, UnionType):
        return " or ".join(described(each) for each in arguments if each is not type(None))
    if origin is Literal:
        return "one of " + ", ".join(f"`{each}`" for each in arguments)
    if origin is tuple:
        return f"a list, each {described(arguments[0])}"
    if origin is dict:
        return f"a mapping of names, each to {described(arguments[1])}"
    if isinstance(hint, type) and issubclass(hint, Struct):
        return "a mapping with " + ", ".join(f"`{name}`" for name in hint.__struct_fields__)
    return _WORDS[hint]


def _bounded(hint: Any, metas: list[Meta]) -> str:
    for meta in metas:
        if meta.extra_json_schema and "pattern" in meta.extra_json_schema:
            return "a size: a whole number of bytes, or with `KiB`, `MiB` or `GiB`"
    words = described(hint)
    for meta in metas:
        if meta.ge is not None and meta.le is not None:
            words += f" from {meta.ge} to {meta.le}"
        elif meta.gt is not None and meta.le is not None:
            words += f" above {meta.gt} and up to {meta.le}"
        if meta.max_length is not None:
            words += f" of at most {meta.max_length} characters"
    return words
