"""YAML text as a tree of nodes that know their lines. What a scalar means is left to the type it is read for."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from sluice.edges.config.errors import ConfigError

MAX_CHARACTERS = 16 << 20
_PREFIX = "tag:yaml.org,2002:"
_TAGS = tuple(_PREFIX + name for name in ("str", "map", "seq"))


def compose(text: str, file: str) -> yaml.Node | None:
    """The root of the one document in `text`; None when it is empty. Raises ConfigError for what is not YAML."""
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(file, 0, f"is longer than {MAX_CHARACTERS} characters", "split users off with `users_file`")
    # The parser's own errors quote the text, which may hold what nobody should read: they are never chained.
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError(
            file, line, f"is not YAML: {_reason(error)}", "check indentation, colons and quotes"
        ) from None
    except yaml.YAMLError:
        raise ConfigError(file, 0, "is not YAML: it holds characters that YAML does not allow") from None
    except RecursionError:
        raise ConfigError(file, 0, "is nested too deep") from None
    return root


def line_of(node: yaml.Node) -> int:
    """The line a node begins on, counted from 1."""
    return int(node.start_mark.line) + 1


def is_nothing(node: yaml.Node) -> bool:
    """Whether a value was left out: `key:`, `key: ~` or `key: null`."""
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in ("", "~", "null")


def pairs(node: yaml.MappingNode, file: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Key, its node and the value's node; ConfigError for keys that are no text or stand twice."""
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(file, line_of(key), "a key is not plain text", "`key: value`")
        if key.value in seen:
            raise ConfigError(file, line_of(key), f"`{key.value}` is given twice", "it once")
        seen.add(key.value)
        yield key.value, key, value


def check_tag(node: yaml.Node, file: str) -> None:
    """ConfigError for `!tags`, which would otherwise be ignored."""
    if node.tag not in _TAGS:
        raise ConfigError(file, line_of(node), "has a YAML tag", "a plain value without `!`")


def _reason(error: yaml.MarkedYAMLError) -> str:
    reason = error.problem or error.context or "it does not parse"
    # Some reasons quote an anchor or a character after "found"; names are enough for the reader.
    return reason.split("'")[0].strip() if "anchor" in reason or "alias" in reason else reason
