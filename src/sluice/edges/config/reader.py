"""Reads a YAML tree into the configuration's types, gathering every error with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml
from msgspec import Meta, Struct

from sluice.edges.config.errors import ConfigError, together
from sluice.edges.config.expected import described
from sluice.edges.config.parts import Bytes
from sluice.edges.config.people import Verifier
from sluice.edges.config.tree import check_tag, is_nothing, line_of, pairs
from sluice.edges.secrets import CommandSecret, EnvironmentSecret, FileSecret, Secret

_WRONG: Final = object()
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SIZE = re.compile(r"([0-9_]+) ?(B|KiB|MiB|GiB)?")
_UNITS: Final[Mapping[str | None, int]] = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SECRET = "`${NAME}`, `{file: path}` or `{command: [program, argument]}`"  # noqa: S105 - how one is written

S = TypeVar("S", bound=Struct)
Place = tuple[str | int, ...]


class Reader:
    """Reads one file. `lines` afterwards holds where each value stands, by its path of keys and positions."""

    def __init__(self, file: str, base: Path, environment: Mapping[str, str]) -> None:
        self.file = file
        self.base = base
        self.lines: dict[Place, int] = {}
        self.errors: list[ConfigError] = []
        self._environment = environment

    def read(self, kind: type[S], root: yaml.Node | None) -> S:
        """The whole file as a struct; ConfigError, carrying all that is wrong, when it cannot be."""
        node = root if root is not None else yaml.MappingNode("tag:yaml.org,2002:map", [], _START, _START)
        value = self._value(kind, node, ())
        if self.errors:
            raise together(self.errors)
        if not isinstance(value, kind):
            raise TypeError("a value that was read without errors is of its kind")
        return value

    def fail(self, place: Place, problem: str, expected: str = "") -> None:
        """Notes an error at a value, or where the nearest value around it stands."""
        while place and place not in self.lines:
            place = place[:-1]
        self.errors.append(ConfigError(self.file, self.lines.get(place, 0), problem, expected))

    def _value(self, hint: Any, node: yaml.Node, place: Place) -> Any:
        self.lines[place] = line_of(node)
        try:
            check_tag(node, self.file)
            plain, metas, optional = _opened(hint)
            if is_nothing(node):
                empty = _empty(plain, node)
                if optional and (node.value or empty is None):
                    return None
                if empty is None:
                    raise self._error(node, f"{_named(place)} has no value", described(hint))
                node = empty
            for fits, reads in self._kinds():
                if fits(plain):
                    return reads(plain, metas, node, place)
            return self._leaf(hint, node, place)
        except ConfigError as error:
            self.errors.append(error)
            return _WRONG

    def _kinds(self) -> tuple[tuple[Callable[[Any], bool], Callable[..., Any]], ...]:
        return (
            (_is_struct, self._struct),
            (lambda hint: get_origin(hint) is dict, self._mapping),
            (lambda hint: get_origin(hint) is tuple, self._sequence),
            (lambda hint: hint is Path, self._path),
            (lambda hint: hint is Secret, self._secret),
            (lambda hint: hint is Verifier, self._verifier),
        )

    def _struct(self, kind: type[Struct], _metas: list[Meta], node: yaml.Node, place: Place) -> Any:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{_named(place)} is not a mapping", _keys(kind))
        hints = get_type_hints(kind, include_extras=True)
        given: dict[str, Any] = {}
        for key, key_node, value in pairs(node, self.file):
            if key not in hints:
                near = get_close_matches(key, hints, n=1)
                advice = f"did you mean `{near[0]}`" if near else f"expected {_keys(kind)}"
                problem = f"unknown key `{key}`{_inside(place)}"
                self.errors.append(ConfigError(self.file, line_of(key_node), problem, advice))
                given[key] = _WRONG
            else:
                given[key] = self._value(hints[key], value, (*place, key))
                self.lines[(*place, key)] = line_of(key_node)
        for field in msgspec.structs.fields(kind):
            if field.name in given:
                continue
            if field.required:
                expected = f"`{field.name}`: {described(hints[field.name])}"
                self.errors.append(self._error(node, f"`{field.name}` is missing{_inside(place)}", expected))
                given[field.name] = _WRONG
            else:
                given[field.name] = self._default(field, node, place)
        if any(value is _WRONG for value in given.values()):
            return _WRONG
        return kind(**given)

    def _default(self, field: msgspec.structs.FieldInfo, node: yaml.Node, place: Place) -> Any:
        made = field.default_factory is not msgspec.NODEFAULT
        default = field.default_factory() if made else field.default
        if isinstance(default, Struct):
            # Read as an empty mapping, so that the paths in it are placed too.
            return self._struct(
                type(default), [], yaml.MappingNode(node.tag, [], node.start_mark), (*place, field.name)
            )
        if isinstance(default, Path):
            return self.base / default
        if isinstance(default, tuple) and all(isinstance(each, Path) for each in default):
            return tuple(self.base / each for each in default)
        return default

    def _mapping(self, hint: Any, metas: list[Meta], node: yaml.Node, place: Place) -> Any:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{_named(place)} is not a mapping", "`name: …` for each")
        inner = get_args(hint)[1]
        found = {}
        for key, key_node, value in pairs(node, self.file):
            if not key or not key.isprintable() or len(key.encode()) > 255:
                raise self._error(key_node, f"{_named(place)} has a name that is empty, too long or not printable")
            found[key] = self._value(inner, value, (*place, key))
            self.lines[(*place, key)] = line_of(key_node)
        self._enough(found, metas, node, place)
        return _WRONG if any(value is _WRONG for value in found.values()) else found

    def _sequence(self, hint: Any, metas: list[Meta], node: yaml.Node, place: Place) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, f"{_named(place)} is not a list", described(hint))
        inner = get_args(hint)[0]
        found = tuple(self._value(inner, value, (*place, index)) for index, value in enumerate(node.value))
        self._enough(found, metas, node, place)
        return _WRONG if any(value is _WRONG for value in found) else found

    def _enough(self, found: Any, metas: list[Meta], node: yaml.Node, place: Place) -> None:
        least = max((meta.min_length or 0 for meta in metas), default=0)
        if len(found) < least:
            raise self._error(node, f"{_named(place)} is empty", f"at least {least}")

    def _path(self, _hint: Any, _metas: list[Meta], node: yaml.Node, place: Place) -> Path:
        text = self._text(node, place, "a path")
        if not text or "\0" in text:
            raise self._error(node, f"{_named(place)} is empty or holds NUL", "a path")
        if "://" in text:
            raise self._error(node, f"{_named(place)} is a URL", "the path of a file")
        try:
            return self.base / Path(text).expanduser()
        except RuntimeError:
            raise self._error(node, f"{_named(place)} begins with the home of nobody", "a path") from None

    def _secret(self, _hint: Any, _metas: list[Meta], node: yaml.Node, place: Place) -> Secret:
        if isinstance(node, yaml.ScalarNode):
            variable = _VARIABLE.fullmatch(node.value)
            if variable is None:
                raise self._error(node, f"{_named(place)} is written out; secrets are referred to", SECRET)
            return EnvironmentSecret(variable[1])
        given = list(pairs(node, self.file)) if isinstance(node, yaml.MappingNode) else []
        match given:
            case [("file", _, value)]:
                return FileSecret(self._path(Path, [], value, place))
            case [("command", _, yaml.SequenceNode(value=[_, *_]) as value)]:
                return CommandSecret(tuple(self._text(each, place, SECRET) for each in value.value), self.base)
        raise self._error(node, f"{_named(place)} is not a reference to a secret", SECRET)

    def _verifier(self, _hint: Any, _metas: list[Meta], node: yaml.Node, place: Place) -> Verifier:
        try:
            return Verifier(self._text(node, place, "a verifier"))
        except ValueError:
            expected = "a verifier made by `sluice users add`, never a password"
            raise self._error(node, f"{_named(place)} is not a SCRAM-SHA-256 verifier", expected) from None

    def _leaf(self, hint: Any, node: yaml.Node, place: Place) -> Any:
        text = self._text(node, place, described(hint))
        try:
            if hint is Bytes or Bytes in get_args(hint) or get_args(Bytes)[1] in get_args(hint):
                return msgspec.convert(_size(text), Bytes)
            # What YAML thinks a word is does not matter: `no` stays text where text is asked for.
            return msgspec.convert(text, hint, strict=False)
        except (msgspec.ValidationError, ValueError):
            raise self._error(node, f"{_named(place)} is not valid", described(hint)) from None

    def _text(self, node: yaml.Node, place: Place, expected: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, f"{_named(place)} is not a single value", expected)
        missing = [name for name in _VARIABLE.findall(node.value) if name not in self._environment]
        if missing:
            raise self._error(
                node, f"the environment variable `{missing[0]}` is not set", "it to be set, or a plain value"
            )
        return _VARIABLE.sub(lambda match: self._environment[match[1]], node.value)

    def _error(self, node: yaml.Node, problem: str, expected: str = "") -> ConfigError:
        return ConfigError(self.file, line_of(node), problem, f"expected {expected}" if expected else "")


_START = yaml.Mark("", 0, 0, 0, "", 0)


def _opened(hint: Any) -> tuple[Any, list[Meta], bool]:
    """A hint without its annotations and its `| None`: (kind, annotations, whether None is allowed)."""
    metas: list[Meta] = []
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            metas += [meta for meta in more if isinstance(meta, Meta)]
        elif get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint):
            optional = True
            (hint,) = (each for each in get_args(hint) if each is not type(None))
        else:
            return hint, metas, optional


def _empty(hint: Any, node: yaml.Node) -> yaml.Node | None:
    """What `key:` alone stands for: no entries, where there can be some; never as if it were not written."""
    if _is_struct(hint) or get_origin(hint) is dict:
        return yaml.MappingNode(node.tag, [], node.start_mark, node.end_mark)
    if get_origin(hint) is tuple:
        return yaml.SequenceNode(node.tag, [], node.start_mark, node.end_mark)
    return None


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Struct)


def _named(place: Place) -> str:
    return f"`{'.'.join(str(part) for part in place)}`" if place else "the file"


def _inside(place: Place) -> str:
    return f" in {_named(place)}" if place else ""


def _keys(kind: type[Struct]) -> str:
    return "one of " + ", ".join(f"`{name}`" for name in kind.__struct_fields__)


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("not a size")
    return int(match[1]) * _UNITS[match[2]]
