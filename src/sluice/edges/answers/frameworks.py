"""What each framework's evidence collectors ask for, and which section of a report answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework: its name, the labels it is about (empty: all), and its sections with the clauses they speak to."""

    name: str
    labels: tuple[str, ...]
    sections: Mapping[str, str]


FRAMEWORKS: Mapping[str, Framework] = {
    "soc2": Framework(
        "SOC 2 (Trust Services Criteria)",
        (),
        {
            "access": "CC6.1, CC6.2, CC6.3: who had access, and used it", "privileged": "CC6.1, CC8.1: privileged activity",
            "approvals": "CC6.3, CC8.1: approvals, and who approved", "denied": "CC6.6, CC7.2: denied attempts",
            "unmasked": "CC6.1, C1.1: confidential data shown in clear", "changes": "CC8.1: changes of the rules in force",
            "coverage": "CC6.1: what was governed", "integrity": "CC7.2: integrity of this evidence",
        },
    ),
    "pci": Framework(
        "PCI DSS 4.0",
        ("pci",),
        {
            "unmasked": "3.4, 7.2, 10.2.1.1: access to cardholder data in clear", "access": "7.2.4, 8.2: access review",
            "privileged": "10.2.1.2: actions with administrative access", "denied": "10.2.1.4: invalid access attempts",
            "approvals": "7.2.3: approvals", "changes": "10.2.1.6, 10.2.1.7: changes of the rules and of the log",
            "coverage": "10.2.1: what was logged", "integrity": "10.3: protection of the log",
        },
    ),
    "hipaa": Framework(
        "HIPAA Security Rule",
        ("phi", "pii"),
        {
            "unmasked": "164.312(b), 164.528: who saw health information in clear", "access": "164.308(a)(4): access review",
            "denied": "164.308(a)(5)(ii)(C): log-in monitoring and denied attempts", "privileged": "164.308(a)(3): privileged activity",
            "approvals": "164.308(a)(4)(ii)(B): access authorization", "changes": "164.308(a)(8): changes of the rules",
            "coverage": "164.312(b): audit controls", "integrity": "164.312(c)(1): integrity",
        },
    ),
    "gdpr": Framework(
        "GDPR",
        ("pii", "phi"),
        {
            "unmasked": "Art. 5(1)(c), 15, 33: who saw personal data in clear, for which purpose",
            "access": "Art. 30, 32: recipients", "denied": "Art. 32: denied attempts", "approvals": "Art. 25, 32: approvals",
            "privileged": "Art. 32: privileged activity", "changes": "Art. 24, 25: changes of the rules in force",
            "coverage": "Art. 30: what was governed", "integrity": "Art. 5(2): accountability",
        },
    ),
}  # fmt: skip
"""By the word that `sluice report` takes."""

QUERIES: Mapping[str, tuple[str, str]] = {
    "access": (
        "People and services that sent statements",
        """select kind || ':' || who as who, coalesce(on_behalf_of, '') as "on behalf of", source, count(*) as statements,
            count(*) filter (outcome <> 'allow') as refused, min(time) as first, max(time) as last,
            count(*) as total, max_by(id, time, {each}) as events
        from statements where {when} group by all order by statements desc, who""",
    ),
    "privileged": (
        "Statements that define, destroy or administer",
        """select time, kind || ':' || who as who, source, environment, verb, outcome, array_to_string(policies, ', ') as policies,
            text, 1 as total, [id] as events
        from statements where {when} and list_has_any(actions, ['define', 'destroy', 'administer']) order by time desc""",
    ),
    "denied": (
        "Statements refused or held, and logins that failed",
        """select * from (
            select time, kind || ':' || who as who, source, outcome as what, coalesce(refusal, '') as why, 1 as total,
                [id] as events
            from statements where {when} and outcome <> 'allow'
            union all
            select time, coalesce(line::JSON->>'user', ''), coalesce(source, ''), event, coalesce(line::JSON->>'reason', ''), 1,
                [id]
            from others where {when} and event in ('authentication-failed', 'protocol-broken')
        ) order by time desc""",
    ),
    "unmasked": (
        "Regulated data shown in clear",
        """select kind || ':' || who as who, coalesce(on_behalf_of, '') as "on behalf of", source, purpose,
            array_to_string(list_filter(revealed, lambda l: {regulated}), ', ') as labels, count(*) as statements,
            sum(rows)::UBIGINT as rows, array_to_string(any_value(policies), ', ') as policies, max(time) as last,
            count(*) as total, max_by(id, time, {each}) as events
        from statements where {when} and outcome = 'allow' and coalesce(rows, 1) > 0
            and len(list_filter(revealed, lambda l: {regulated})) > 0
        group by all order by rows desc nulls last""",
    ),
    "approvals": (
        "Requests for approval, their answers and their use",
        """select time, event as what, coalesce(source, '') as source, line as record, 1 as total, [id] as events
        from others where {when} and starts_with(event, 'request-') order by time desc""",
    ),
    "changes": (
        "Configurations and policies put in force or rejected, starts and stops",
        """select time, event as what, line as record, 1 as total, [id] as events from others
        where {when} and event in ('config-reloaded', 'config-rejected', 'gateway-started', 'gateway-stopped', 'label-learned')
        order by time desc""",
    ),
    "coverage": (
        "Sources, and what passed to them",
        """select source, environment, count(*) as statements, count(distinct who) as people, sum(rows)::UBIGINT as rows,
            sum(masked)::UBIGINT as "values masked", count(*) filter (confidence <> 'exact') as "not fully understood",
            count(*) as total, max_by(id, time, {each}) as events
        from statements where {when} group by all order by source""",
    ),
}
"""Of each section that a query answers: its heading and the query; `total` events are behind a row, `events` the newest of their ids."""

EACH = 10
"""Events behind a row that are named and proven; of more, the newest."""
