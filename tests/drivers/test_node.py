"""node-postgres through the gateway: pools, parameters, named statements, cursors, refusals."""

from __future__ import annotations

import json

from foreign import HERE, installed, needs, said

NODE = HERE / "node"


def test_an_application_on_node_postgres_works_and_sees_masks(gateway) -> None:
    needs("node", "npm")
    installed(NODE, NODE / "package-lock.json", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    told = said(NODE, "node", "client.mjs", str(gateway.gateway.port), "dana", gateway.password)
    assert [json.loads(line) for line in told] == [
        [{"id": 1, "email": "p***@example.com", "tags": ["t1", "all"], "birth_date": None}],
        [{"id": 1, "ssn": "*******1001"}, {"id": 2, "ssn": "*******1002"}],
        [{"ssn": "*******1002"}],
        [{"id": one, "email": "p***@example.com"} for one in (1, 2, 3)],
        ["42501", True],
        [{"mine": False}],
    ]
