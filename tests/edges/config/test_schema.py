from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from sluice.edges.config.schema import schema

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "config.schema.json"


def parts(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for each in node for found in parts(each)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for each in node.values() for found in parts(each))]


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(PUBLISHED.read_text()) == json.loads(json.dumps(schema()))


def test_the_schema_refuses_unknown_keys_everywhere_and_describes_every_key() -> None:
    for name, part in schema()["$defs"].items():
        assert part["additionalProperties"] is False, name
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_every_reference_within_the_schema_leads_somewhere() -> None:
    whole = schema()
    for part in parts(whole):
        if "$ref" in part:
            assert part["$ref"].removeprefix("#/$defs/") in whole["$defs"]


def test_secrets_can_be_referred_to_but_not_written_out() -> None:
    first, *others = schema()["$defs"]["Masking"]["properties"]["key"]["oneOf"]
    assert re.search(first["pattern"], "${KEY}")
    assert not re.search(first["pattern"], "hunter2")
    assert [sorted(each["properties"]) for each in others] == [["file"], ["command"]]


def test_sizes_with_units_fit_the_schema() -> None:
    size = schema()["$defs"]["Limits"]["properties"]["window_bytes"]
    assert size["type"] == ["integer", "string"]
    for written in ("64 KiB", "1MiB", "10_000", "5 B"):
        assert re.search(size["pattern"], str(yaml.safe_load(written)))
    assert not re.search(size["pattern"], "1 MB")
