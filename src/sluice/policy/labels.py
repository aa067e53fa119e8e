"""Reads `labels.yaml`; whatever is wrong is said with file, line and what was expected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

import yaml

from sluice.model.columns import ColumnRef
from sluice.model.decision import Mask
from sluice.model.masks import MaskError, mask
from sluice.policy.book import BUILTIN, SUBJECTS, Assignment, LabelBook, Pattern

__all__ = ["LabelBook", "LabelError", "load_labels"]

_LABEL = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_TOP = ("labels", "columns", "subjects")
_ENTRY = ("mask", "params", "description")


class LabelError(ValueError):
    """A label file that cannot be used. `line` counts from 1."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


def load_labels(text: str, file: str = "labels.yaml", builtin: Mapping[ColumnRef, str] | None = None) -> LabelBook:
    """Reads a label book; raises LabelError.

    `labels` maps each label to its mask (`mask`, `params`), `columns` maps sources to column patterns to labels.
    `subjects` lists the labels whose values identify people. `builtin` labels columns that every source has, whatever the file says
    (system catalogs that hold secrets).
    """
    return _Reader(file).book(text, dict(builtin or {}))


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def book(self, text: str, builtin: Mapping[ColumnRef, str]) -> LabelBook:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise LabelError(self._file, line, f"is not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise LabelError(self._file, 1, "is not YAML: it holds characters that YAML does not allow") from error
        masks, named = dict(BUILTIN), set(BUILTIN) | set(builtin.values())
        assignments: list[Assignment] = []
        sections = dict(self._pairs(root, "labels, columns and subjects", _TOP)) if root is not None else {}
        for name, node in self._pairs(sections.get("labels"), "labels") if "labels" in sections else ():
            self._label_name(name, node)
            given = self._entry(name, node)
            named.add(name)
            if given is not None:
                masks[name] = given
        known = {above for name in named for above in upward(name)}
        for source, node in self._pairs(sections.get("columns"), "sources") if "columns" in sections else ():
            for pattern, labels in self._pairs(node, "column patterns"):
                assignments.append(self._assignment(source, pattern, labels, known))
        subjects = self._known(sections["subjects"], known) if "subjects" in sections else SUBJECTS
        return LabelBook(masks, frozenset(known), tuple(assignments), builtin, tuple(subjects))

    def _entry(self, name: str, node: yaml.Node) -> Mask | None:
        if _is_null(node):
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._mask(node, node.value, {})
        fields = dict(self._pairs(node, f"`{name}`", _ENTRY))
        params = {
            key: self._text(value, f"setting `{key}`")
            for key, value in (self._pairs(fields["params"], "settings") if "params" in fields else ())
        }
        if "description" in fields:
            self._text(fields["description"], "a description")
        if "mask" not in fields:
            if params:
                raise self._wrong(fields["params"], "`params` without a `mask` they belong to")
            return None
        method = fields["mask"]
        # Unquoted, YAML reads `null` as nothing; here it is a mask method.
        return self._mask(method, "null" if _is_null(method) else self._text(method, "a mask method"), params)

    def _mask(self, node: yaml.Node, method: str, params: Mapping[str, str]) -> Mask:
        try:
            return mask(method, params)
        except MaskError as error:
            raise self._wrong(node, str(error)) from error

    def _assignment(self, source: str, pattern: str, node: yaml.Node, known: set[str]) -> Assignment:
        labels = self._known(node, known)
        if not labels:
            raise self._wrong(node, f"`{pattern}` is given no label; expected one or a list of them")
        try:
            return Assignment(source, Pattern.parse(pattern), frozenset(labels))
        except ValueError as error:
            raise self._wrong(node, str(error)) from error

    def _known(self, node: yaml.Node, known: set[str]) -> list[str]:
        labels = []
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            label = self._text(each, "a label")
            if label not in known:
                near = get_close_matches(label, sorted(known), n=1)
                advice = f"did you mean `{near[0]}`" if near else "add it under `labels`"
                raise self._wrong(each, f"`{label}` is not a label; {advice}")
            labels.append(label)
        return labels

    def _label_name(self, name: str, node: yaml.Node) -> None:
        if not _LABEL.fullmatch(name):
            raise self._wrong(
                node, f"`{name}` is not a label; expected lower-case words joined by dots, as `pii.email`"
            )

    def _pairs(
        self, node: yaml.Node | None, what: str, allowed: tuple[str, ...] | None = None
    ) -> Iterator[tuple[str, yaml.Node]]:
        if node is None or _is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, f"expected a mapping of {what}")
        seen: set[str] = set()
        for key_node, value in node.value:
            key = self._text(key_node, "a key")
            if allowed is not None and key not in allowed:
                near = get_close_matches(key, allowed, n=1)
                advice = f"did you mean `{near[0]}`" if near else f"expected one of {', '.join(allowed)}"
                raise self._wrong(key_node, f"unknown key `{key}`; {advice}")
            if key in seen:
                raise self._wrong(key_node, f"`{key}` is given twice")
            seen.add(key)
            yield key, value

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or (_is_null(node) and not node.style):
            raise self._wrong(node, f"expected {what}")
        return str(node.value)

    def _wrong(self, node: yaml.Node, reason: str) -> LabelError:
        return LabelError(self._file, node.start_mark.line + 1, reason)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def upward(label: str) -> Iterator[str]:
    """The label and every one above it, itself first."""
    while label:
        yield label
        label = label.rpartition(".")[0]
