"""The configuration as JSON Schema, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from sluice.edges.config.config import Config, UsersFile
from sluice.edges.config.people import Verifier
from sluice.edges.secrets import Secret

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SECRET: dict[str, Any] = {
    "description": "where the secret is, never the secret",
    "oneOf": [
        {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"},
        {
            "type": "object",
            "properties": {"file": {"type": "string", "minLength": 1}},
            "required": ["file"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"command": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
            "required": ["command"],
            "additionalProperties": False,
        },
    ],
}
_CUSTOM: dict[Any, dict[str, Any]] = {
    Path: {"type": "string", "minLength": 1},
    Verifier: {"type": "string", "pattern": r"^SCRAM-SHA-256\$"},
    Secret: _SECRET,
}


def schema() -> dict[str, Any]:
    """The schema of `sluice.yaml`; that of a users file is under `$defs`."""
    (config, _), parts = msgspec.json.schema_components(
        (Config, UsersFile), schema_hook=_CUSTOM.__getitem__, ref_template="#/$defs/{name}"
    )
    for part in parts.values():
        for name, each in part["properties"].items():
            if each.get("type") == "integer" and "pattern" in each:
                # A size: msgspec does not let a whole number be text as well.
                part["properties"][name] = {**each, "type": ["integer", "string"]}
    return {"$schema": DIALECT, "title": "sluice.yaml", **config, "$defs": parts}
