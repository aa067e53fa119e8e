"""The Cedar schema that every policy is validated against, and the names of its actions."""

from __future__ import annotations

from functools import cache
from typing import Final

import cedarpy

PRINCIPALS: Final = {"user": "User", "service": "Service", "agent": "Agent"}

COLUMN_ACTIONS: Final = ("reveal", "aggregate", "lookup", "join", "filter", "launder")

ACCESS: Final = ("request", "break-glass")
"""Ways to become a member of a group for a while; `context.role` is the group."""

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "read": ("select", "copy-out", "explain"),
    "write": ("insert", "update", "delete", "merge", "copy-in"),
    "define": ("create", "alter", "comment"),
    "destroy": ("drop", "truncate", "unbounded-update", "unbounded-delete"),
    "administer": ("grant", "role", "setting", "replication"),
}
"""Statement actions by group. A group is an action too: what has no name of its own is asked under its group's.

`opaque` (run what the analysis cannot understand) is in no group on purpose: nobody gets it by the way.
"""

GROUP_OF: Final = {member: group for group, members in GROUPS.items() for member in (group, *members)}

_ENTITIES = """
type Client = { address?: __cedar::ipaddr, application: String, tls: Bool };
type Authentication = { method: String, age: Long };
type Statement = {
  verb: String, bounded: Bool, opaque: Bool, tables: Long, row_bound?: Long, functions: Set<String>
};
type Seen = { labels: Set<String>, rows: Rows };
type Sent = { labels: Set<String> };
type Context = {
  purpose: String, protocol: String, label: String, agent: String, approved: Bool, role: String,
  time: __cedar::datetime, weekday: Long,
  client: Client, authentication: Authentication, statement: Statement, session: Seen,
  literals: Sent
};

entity Rows tags Long;
entity Group;
entity User in [Group] { name: String } tags String;
entity Service in [Group] { name: String } tags String;
entity Agent in [Group] { name: String } tags String;

entity Environment;
entity Source in [Environment];
entity Schema in [Source] { name: String, system: Bool, temporary: Bool };
entity Table in [Schema] { name: String, system: Bool, temporary: Bool, labels: Set<String> };
entity Label in [Label];
entity Column in [Table, Label] { name: String };
entity Function in [Schema, Source] { name: String, system: Bool };
"""

_APPLIES = "appliesTo {{ principal: [User, Service, Agent], resource: [{resources}], context: Context }};"


def _action(name: str, resources: str, group: str = "") -> str:
    within = f" in [{group}]" if group else ""
    return f'action "{name}"{within} {_APPLIES.format(resources=resources)}'


def schema_text() -> str:
    """The schema in Cedar's own syntax, as `sluice policy schema` and editors want it."""
    lines = [_ENTITIES, _action("connect", "Source"), _action("opaque", "Source"), _action("execute", "Function")]
    for group, members in GROUPS.items():
        lines.append(_action(group, "Source, Table"))
        lines += [_action(member, "Source, Table", group) for member in members]
    lines += [_action(name, "Source") for name in ACCESS]
    lines.append(_action("use", "Column, Label"))
    for name in COLUMN_ACTIONS:
        lines.append(_action(name, "Column, Label", "use" if name in ("lookup", "join", "filter") else ""))
    return "\n".join(lines) + "\n"


@cache
def schema() -> cedarpy.Schema:
    """The parsed schema; parsing it once is what makes loading policies quick."""
    return cedarpy.Schema.from_str(schema_text())
