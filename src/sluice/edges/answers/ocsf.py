"""Events of the log as records of OCSF 1.4: Datastore Activity for statements, Authentication for logins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

VERSION = "1.4.0"
_READ, _UPDATE, _CONNECT, _QUERY, _WRITE, _CREATE, _DELETE = 1, 2, 3, 4, 5, 6, 7
_ACTIVITY = {"select": _READ, "insert": _WRITE, "update": _UPDATE, "delete": _DELETE, "merge": _WRITE}
_NAMES = {
    _READ: "Read",
    _UPDATE: "Update",
    _CONNECT: "Connect",
    _QUERY: "Query",
    _WRITE: "Write",
    _CREATE: "Create",
    _DELETE: "Delete",
}
_INFORMATIONAL, _MEDIUM = 1, 3
_SUCCESS, _FAILURE = 1, 2


def record(line: bytes) -> dict[str, Any] | None:
    """The record of one line of the log; None: OCSF has no class for it. msgspec.MsgspecError when the line is no event."""
    event: dict[str, Any] = msgspec.json.decode(line)
    match event.get("event"):
        case "statement-asked":
            return _statement(event)
        case "connected":
            return _login(event, event["identity"]["name"], _SUCCESS, "")
        case "authentication-failed":
            return _login(event, event["user"], _FAILURE, event["reason"])
        case _:
            return None


def _statement(event: dict[str, Any]) -> dict[str, Any]:
    activity = _ACTIVITY.get(event["verb"], _CREATE if event["verb"].startswith("create") else _QUERY)
    refused = event["outcome"] != "allow"
    found = _base(event, 6005, "Datastore Activity", activity, _NAMES[activity], refused)
    found |= {
        "actor": {"user": _user(event["identity"])},
        "src_endpoint": {"ip": event["client"]["address"]},
        "database": {"name": event["source"], "type_id": 1, "type": "Relational"},
        "type_id": 1,
        "query_info": {"query_string": event["text"] or event["normalized"], "uid": event["fingerprint"]},
        "status_id": _FAILURE if refused else _SUCCESS,
        "unmapped": {
            "purpose": event["purpose"], "policies": event["policies"], "revealed": event["revealed"],
            "hidden": event["hidden"], "tables": [one["table"] for one in event["tables"]],
            "on_behalf_of": (event["identity"].get("on_behalf_of") or {}).get("name", ""),
        },
    }  # fmt: skip
    if event.get("refusal"):
        found["status_detail"] = event["refusal"]["message"]
    return found


def _login(event: dict[str, Any], name: str, status: int, detail: str) -> dict[str, Any]:
    found = _base(event, 3002, "Authentication", 1, "Logon", status == _FAILURE)
    found |= {
        "user": _user(event["identity"]) if "identity" in event else {"name": name},
        "src_endpoint": {"ip": event["client"]["address"]},
        "service": {"name": event["source"]},
        "status_id": status,
    }
    return found | ({"status_detail": detail} if detail else {})


def _base(event: dict[str, Any], kind: int, name: str, activity: int, activity_name: str, bad: bool) -> dict[str, Any]:
    return {
        "class_uid": kind, "class_name": name, "category_uid": kind // 1000, "activity_id": activity,
        "activity_name": activity_name, "type_uid": kind * 100 + activity,
        "severity_id": _MEDIUM if bad else _INFORMATIONAL,
        "time": int(datetime.fromisoformat(event["time"]).timestamp() * 1000),
        "metadata": {"version": VERSION, "uid": event["id"], "product": {"name": "Sluice", "vendor_name": "Sluice"}},
    }  # fmt: skip


def _user(identity: dict[str, Any]) -> dict[str, Any]:
    kind = identity["kind"]
    found: dict[str, Any] = {
        "name": identity["name"],
        "type_id": 1 if kind == "user" else 99,
        "type": kind.capitalize(),
    }
    if identity.get("groups"):
        found["groups"] = [{"name": name} for name in identity["groups"]]
    return found
