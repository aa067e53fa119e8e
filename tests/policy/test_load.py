"""Loading policies: what is wrong is said with file, line and reason; what is right can be asked."""

from __future__ import annotations

import pytest

from sluice.model.decision import Mask
from sluice.policy.load import PolicyError, check, load_policies

from .casework import starter_policies

GOOD = '@id("a") permit (principal, action, resource);'


def permit(notes: str = "", when: str = "true", effect: str = "permit") -> str:
    return f'@id("b") {notes}\n{effect} (principal, action, resource) when {{ {when} }};'


def forbid(notes: str) -> str:
    return permit(notes, effect="forbid")


BROKEN = [
    ("unfinished", '\n@id("a")\npermit (principal, action, resource)', 2, "unexpected end of input"),
    ("no id", "permit (principal, action, resource);", 1, 'needs a unique `@id("…")`'),
    ("an id with a space", '@id("a b") permit (principal, action, resource);', 1, "must be letters, digits"),
    ("an empty id", "@id permit (principal, action, resource);", 1, "must be letters, digits"),
    ("an id twice", f"{GOOD}\n\n// twice; really\n{GOOD}", 4, "is taken by the policy at p.cedar:1"),
    ("an unknown action", f'{GOOD}\n@id("b") permit (principal, action == Action::"peek", resource);', 2, "peek"),
    ("an unknown attribute", permit(when='context.purpos == "x"'), 1, "purpos"),
    ("a wrong type", permit(when='context.purpose == 1'), 1, "type"),
    ("an unguarded address", permit(when='context.client.address.isIpv4()'), 1, "address"),
    ("a misspelt annotation", permit('@row_limt("1")'), 1, "did you mean `@row_limit`"),
    ("a strange annotation", permit('@zzz("1")'), 1, "expected one of id"),
    ("a zero row limit", permit('@row_limit("0")'), 1, "at least 1"),
    ("a bare duration", permit('@statement_timeout("30")'), 1, "must be a duration"),
    ("read only no", permit('@read_only("no")'), 1, "takes no value"),
    ("a limit on a forbid", forbid('@row_limit("1")'), 1, "does not belong on a `forbid`"),
    ("an approval on a permit", permit('@approval("x")'), 1, "does not belong on a `permit`"),
    ("an approval that lifts nothing", forbid('@approval("x")'), 1, "context.approved"),
    ("approvals by nobody", forbid('@approvals("2")'), 1, "need an `@approval`"),
    ("an unknown mask", forbid('@mask("blur")'), 1, "is not a mask method"),
    ("a mask with a wrong setting", forbid('@mask("partial:last=2")'), 1, "no setting `last`"),
    ("a template", '@id("b") permit (principal == ?principal, action, resource);', 1, "templates"),
    ("a stray semicolon", f"{GOOD};", 1, "does not parse"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
def test_a_broken_policy_is_placed_and_explained(text: str, line: int, reason: str) -> None:
    with pytest.raises(PolicyError) as error:
        load_policies({"p.cedar": text})
    assert (error.value.file, error.value.line) == ("p.cedar", line)
    assert reason in error.value.reason
    assert str(error.value).startswith(f"p.cedar:{line}: ")


def test_an_id_taken_in_another_file_is_found() -> None:
    with pytest.raises(PolicyError, match=r"taken by the policy at a\.cedar:1"):
        load_policies({"b.cedar": GOOD, "a.cedar": GOOD})
    assert [error.file for error in check({"b.cedar": GOOD, "a.cedar": GOOD})] == ["b.cedar"]


def test_every_broken_file_is_reported() -> None:
    errors = check({"a.cedar": "nonsense", "b.cedar": GOOD, "c.cedar": 'permit (principal, action, "x");'})
    assert [error.file for error in errors] == ["a.cedar", "c.cedar"]


def test_semicolons_in_strings_and_comments_do_not_cut_a_policy() -> None:
    text = '// one; two "three;\n@id("a") @hint("say \\"please;\\"") // four;\npermit (principal, action, resource);\n'
    bundle = load_policies({"p.cedar": text})
    assert bundle.ids == ("a",)
    assert bundle.annotations["a"].hint == 'say "please;"'
    assert bundle.origins["a"] == ("p.cedar", 2)


def test_annotations_are_read() -> None:
    bundle = load_policies(
        {
            "p.cedar": """
            @id("permit") @row_limit("10") @statement_timeout("1m") @read_only @description("d")
            permit (principal, action, resource);
            @id("forbid") @approval("dba") @approvals("2") @expires("1h") @mask("partial:keep_last=2,keep_first=1")
            forbid (principal, action, resource) unless { context.approved };
            """
        }
    )
    permit, forbid = bundle.annotations["permit"], bundle.annotations["forbid"]
    assert (permit.row_limit, permit.statement_timeout_ms, permit.read_only) == (10, 60_000, True)
    assert (forbid.approval, forbid.approvals, forbid.expires_ms) == ("dba", 2, 3_600_000)
    assert forbid.mask == Mask("partial", (("keep_first", "1"), ("keep_last", "2")))


@pytest.mark.parametrize(
    ("condition", "reads_time"),
    [
        ('context.purpose == "time"', False),
        ('context.time > datetime("2024-01-01")', True),
        ("context.weekday < 6", True),
        ("context.authentication.age < 60", True),
        ('context.authentication.method == "scram"', False),
        ('[context.authentication].contains(context.authentication)', True),
        ("context == context", True),
        ("if context.approved then context.time == context.time else false", True),
    ],
)  # fmt: skip
def test_a_bundle_knows_whether_the_clock_matters(condition: str, reads_time: bool) -> None:
    text = f'@id("a") permit (principal, action, resource) when {{ {condition} }};'
    assert load_policies({"p.cedar": text}).reads_time is reads_time


@pytest.mark.parametrize(
    ("condition", "counts"),
    [
        ('context.session.rows.hasTag("pii")', {"User", "Service", "Agent"}),
        ('context.session.labels.contains("pii") && context.purpose == "rows"', set()),
        ("context.session == context.session", {"User", "Service", "Agent"}),
        ("context == context", {"User", "Service", "Agent"}),
        ('principal.name == "rows"', set()),
    ],
)
def test_a_bundle_knows_for_whom_rows_are_counted(condition: str, counts: set[str]) -> None:
    text = f'@id("a") permit (principal, action, resource) when {{ {condition} }};'
    assert load_policies({"p.cedar": text}).counts_rows == counts
    narrow = text.replace("principal,", "principal is Agent,", 1)
    assert load_policies({"p.cedar": narrow}).counts_rows == counts & {"Agent"}


@pytest.mark.parametrize(
    "given",
    [
        '@budget("0/1h")',
        '@budget("10")',
        '@budget("10/1s")',
        '@budget("10/40d")',
        '@budget("10/h")',
        '@over_budget("cut")',
    ],
)
def test_a_budget_that_cannot_be_read_is_an_error(given: str) -> None:
    with pytest.raises(PolicyError, match="budget"):
        load_policies({"p.cedar": f'@id("a") {given} permit (principal, action, resource);'})


def test_no_policies_are_a_valid_set() -> None:
    assert len(load_policies({})) == 0
    assert len(load_policies({"p.cedar": "// nothing yet\n"})) == 0


def test_the_starter_set_loads_and_describes_its_forbids() -> None:
    files = starter_policies()
    assert check(files) == ()
    assert load_policies(files).annotations["no-destructive-ddl-in-production"].hint
