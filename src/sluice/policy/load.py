"""Cedar text becomes a bundle that can be asked; whatever is wrong is said with file, line and reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cedarpy

from sluice.policy.annotations import Annotations, read_annotations
from sluice.policy.bundle import PolicyBundle
from sluice.policy.schema import schema

_TOKEN = re.compile(r'//[^\n]*|"(?:[^"\\]|\\.)*"|;|\n|[^\s;"/]+|.', re.DOTALL)
_POSITION = re.compile(r"policy(\d+)")


class PolicyError(ValueError):
    """A policy file that cannot be used. `line` is where the policy begins, counted from 1 (0: the file as a whole)."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Piece:
    """One policy as it stands in its file."""

    file: str
    line: int
    text: str


def load_policies(files: Mapping[str, str]) -> PolicyBundle:
    """Parses and validates policy files, given as path to text.

    Raises PolicyError for what does not parse, what the schema does not allow, a missing or repeated `@id`, an
    annotation that is unknown or malformed, templates, and an `@approval` that no approval could lift. An empty set is
    a valid one (it permits nothing).
    """
    pieces = [piece for file, text in sorted(files.items()) for piece in _pieces(file, text)]
    policies: dict[str, Any] = {}
    annotations: dict[str, Annotations] = {}
    origins: dict[str, tuple[str, int]] = {}
    for piece in pieces:
        policy = _parsed(piece)
        try:
            read = read_annotations(policy["effect"], policy.get("annotations") or {})
            if read.approval and not _consults_approval(policy["conditions"]):
                raise ValueError("`@approval` has no effect unless the condition asks for `context.approved`")
        except ValueError as error:
            raise PolicyError(piece.file, piece.line, str(error)) from error
        if read.id in policies:
            file, line = origins[read.id]
            raise PolicyError(piece.file, piece.line, f"`@id` `{read.id}` is taken by the policy at {file}:{line}")
        policies[read.id] = policy
        annotations[read.id] = read
        origins[read.id] = (piece.file, piece.line)
    _validate(pieces)
    return PolicyBundle(policies, annotations, origins)


def check(files: Mapping[str, str]) -> tuple[PolicyError, ...]:
    """One error for every file that cannot be used; empty when the set as a whole can be."""
    errors = []
    for file, text in sorted(files.items()):
        try:
            load_policies({file: text})
        except PolicyError as error:
            errors.append(error)
    if not errors:
        try:
            load_policies(files)
        except PolicyError as error:
            errors.append(error)
    return tuple(errors)


def _pieces(file: str, text: str) -> Iterator[_Piece]:
    """Cuts a file after each `;` that is in neither a string nor a comment, so that errors can be placed."""
    line, start, begun, body = 1, 1, False, []
    for part in _TOKEN.findall(text):
        if not begun and not part.isspace() and not part.startswith("//"):
            start, begun = line, True
        body.append(part)
        line += part.count("\n")
        if part == ";":
            yield _Piece(file, start, "".join(body))
            body, begun = [], False
    if begun:
        yield _Piece(file, start, "".join(body))


def _parsed(piece: _Piece) -> dict[str, Any]:
    try:
        document = json.loads(cedarpy.policies_to_json_str(piece.text))
    except ValueError as error:
        raise PolicyError(piece.file, piece.line, f"does not parse: {error}") from error
    if document["templates"] or document["templateLinks"]:
        raise PolicyError(piece.file, piece.line, "templates (`?principal`, `?resource`) are not supported")
    if len(document["staticPolicies"]) != 1:
        raise PolicyError(piece.file, piece.line, "expected exactly one policy before `;`")
    policy: dict[str, Any] = next(iter(document["staticPolicies"].values()))
    return policy


def _validate(pieces: list[_Piece]) -> None:
    result = cedarpy.validate_policies("\n".join(piece.text for piece in pieces), schema(), release_gil=True)
    if result.validation_passed:
        return
    for error in result.errors:
        found = _POSITION.fullmatch(error.policy_id)
        if found and int(found[1]) < len(pieces):
            piece = pieces[int(found[1])]
            reason = error.error.replace(f"for policy `{error.policy_id}`, ", "")
            raise PolicyError(piece.file, piece.line, reason)
        raise PolicyError(pieces[0].file if pieces else "", 0, error.error)
    raise PolicyError(pieces[0].file if pieces else "", 0, "the policies do not fit the schema")


def _consults_approval(conditions: object) -> bool:
    if isinstance(conditions, dict):
        read = conditions.get(".")
        if isinstance(read, dict) and read.get("attr") == "approved" and read.get("left") == {"Var": "context"}:
            return True
        return any(_consults_approval(each) for each in conditions.values())
    return isinstance(conditions, list) and any(_consults_approval(each) for each in conditions)
