"""Which questions a statement raises: about what it does, the columns it uses, what leaves it and what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from sluice.model.columns import ColumnRef, TableRef
from sluice.policy.ask import Question
from sluice.policy.binding import DERIVED, UNKNOWN, Binding
from sluice.policy.book import OPAQUE
from sluice.policy.entities import Entities
from sluice.policy.schema import GROUP_OF, GROUPS
from sluice.sql.span import Access, Confidence, Output, Span, Touch

_BY_ACCESS: Final[dict[Access, str]] = {
    "read": "select",
    "insert": "insert",
    "update": "update",
    "delete": "delete",
    "merge": "merge",
    "truncate": "truncate",
    "define": "define",
    "destroy": "drop",
    "copy-in": "copy-in",
    "copy-out": "copy-out",
}
_UNBOUNDED: Final = {"update": "unbounded-update", "delete": "unbounded-delete", "merge": "destroy"}
_BY_VERB: Final = {"revoke": "grant", "set": "setting", "reset": "setting"}
_INSERTING: Final = frozenset({"insert", "copy-in"})
_OVER_ROWS: Final = frozenset({"commit", "set constraints", "vacuum", "analyze", "cluster", "reindex", "alter domain"})
"""Statements that name no table and yet look at rows: deferred constraints, expressions of indexes and statistics."""
_NAMING: Final = frozenset(
    {"create table", "create sequence", "alter sequence", "rename", "alter schema of", "comment", "create view"}
)


class Gate(NamedTuple):
    """Something the whole statement hangs on. `thing` is named when it is refused (empty: the source itself)."""

    question: Question
    thing: str


class Subject(NamedTuple):
    """One label of one column (column None: of a value that could not be followed), and what is done with it.

    `reveal` is the question to fall back on: who may see a value in clear may also use it, unless that is forbidden.
    """

    question: Question
    reveal: Question
    column: ColumnRef | None
    label: str


@dataclass(slots=True)
class Plan:
    """The questions of a statement. `outputs[i]` are the subjects that reach output i; None: it has no such result.

    `written` pairs the column written to with what lands in it, `derived` with reveal questions about what a computed value
    in it is made of; `labelled` are those of them that have a label already; `errors` are reveal questions about all that an error
    text of the server could quote; `everything` are those about all labels of the source, where something in the
    statement could not be followed.
    """

    gates: list[Gate] = field(default_factory=list)
    uses: list[Subject] = field(default_factory=list)
    outputs: list[tuple[Output, tuple[Subject, ...]]] | None = None
    written: list[tuple[ColumnRef, Subject]] = field(default_factory=list)
    derived: list[tuple[ColumnRef, tuple[Subject, ...]]] = field(default_factory=list)
    labelled: set[ColumnRef] = field(default_factory=set)
    errors: list[Subject] = field(default_factory=list)
    everything: tuple[Subject, ...] = ()

    def questions(self) -> Iterator[Question]:
        """All questions, those that decide most first; repeats included."""
        yield from (gate.question for gate in self.gates)
        subjects = [*self.uses, *(subject for _, subject in self.written), *self.errors, *self.everything]
        subjects += [subject for _, reaching in self.outputs or () for subject in reaching]
        subjects += [subject for _, made_of in self.derived for subject in made_of]
        for subject in subjects:
            yield subject.question
            yield subject.reveal


class Planner:
    """Turns one span into a plan, against one source's labels."""

    def __init__(self, entities: Entities, binding: Binding, bars_columns: bool) -> None:
        self._entities = entities
        self._binding = binding
        self._bars_columns = bars_columns
        self._known: dict[tuple[str, ColumnRef], tuple[Subject, ...]] = {}

    def plan(self, span: Span) -> Plan:
        """The questions of a statement and, unless it is only prepared, of the one inside it."""
        plan = Plan()
        plan.gates.append(Gate(Question("connect", self._entities.source), ""))
        self._statement(span, plan)
        inner = span.prepared
        if inner is not None and span.verb != "prepare":
            self._statement(inner, plan)
        if inner is not None:
            self._errors(inner, plan)
        if span.outputs is not None:
            plan.outputs = [(self._untouched(output), tuple(self._reaching(output))) for output in span.outputs]
        if _may_hold_anything(span) or (inner is not None and _may_hold_anything(inner)):
            plan.everything = tuple(self._everything("reveal"))
        return plan

    def _statement(self, span: Span, plan: Plan) -> None:
        if span.confidence == Confidence.OPAQUE:
            # It could read or write anything, so it takes the right to both everywhere, and to be taken on trust.
            plan.gates += [Gate(Question(name, self._entities.source), "") for name in ("opaque", "read", "write")]
        plan.gates += self._actions(span)
        for name in sorted(span.functions):
            plan.gates.append(Gate(Question("execute", self._entities.function(name)), f"function `{name}`"))
        for use in sorted(span.uses, key=lambda use: (use.column, use.kind)):
            plan.uses += self._subjects(use.kind, use.column)
        for write in span.writes:
            held = self._binding.labels_of(write.target)
            if held - {DERIVED, UNKNOWN}:
                plan.labelled.add(write.target)
            landing = [one for flow in sorted(write.flows) for one in self._subjects("launder", flow.column)]
            landing += self._everything("launder") if write.opaque else ()
            plan.written += [(write.target, subject) for subject in landing if subject.label not in held]
            if write.derived or write.opaque:
                columns = sorted({write.target, *(flow.column for flow in write.flows)})
                made_of = [subject for column in columns for subject in self._subjects("reveal", column)]
                plan.derived.append((write.target, tuple(made_of)))
        self._errors(span, plan)

    def _actions(self, span: Span) -> Iterator[Gate]:
        """Each touched table by what is done to it; what none accounts for is asked of all of them, or the source."""
        covered = {"session"}
        for touch in span.tables:
            for action in _of_touch(touch, span):
                covered.add(GROUP_OF[action])
                yield self._on_table(action, touch.table)
        for group in sorted({*span.actions, span.action} - covered):
            action = _specific(group, span.verb)
            if span.confidence == Confidence.OPAQUE or not span.tables:
                yield Gate(Question(action, self._entities.source), "")
                continue
            for touch in span.tables:
                yield self._on_table(action, touch.table)

    def _on_table(self, action: str, table: TableRef) -> Gate:
        return Gate(Question(action, self._entities.table(table)), f"table `{table}`")

    def _untouched(self, output: Output) -> Output:
        """The output; not taken for a plain column where the column itself holds computed values."""
        mixed = output.plain is not None and DERIVED in self._binding.labels_of(output.plain)
        return replace(output, plain=None) if mixed else output

    def _reaching(self, output: Output) -> Iterator[Subject]:
        for flow in sorted(output.flows):
            yield from self._subjects("reveal" if flow.kind == "value" else "aggregate", flow.column)
        if output.plain is not None:
            yield from self._subjects("reveal", output.plain)
        if output.opaque:
            yield from self._everything("reveal")

    def _errors(self, span: Span, plan: Plan) -> None:
        """What an error could quote: for an insert the whole row, for other writes any row that a cascade may reach."""
        columns = {use.column for use in span.uses}
        columns |= {flow.column for output in span.outputs or () for flow in output.flows}
        columns |= {flow.column for write in span.writes for flow in write.flows}
        if span.verb in _OVER_ROWS:
            plan.errors += self._labels("reveal", self._binding.row_labels)
        for touch in span.tables:
            if touch.access in _INSERTING:
                columns |= set(self._binding.labelled_in(touch.table))
            elif touch.access not in ("read", "copy-out") and not _handles_names(span):
                plan.errors += self._labels("reveal", self._binding.row_labels)
        for column in sorted(columns):
            plan.errors += self._subjects("reveal", column)

    def _subjects(self, action: str, column: ColumnRef) -> tuple[Subject, ...]:
        known = self._known.get((action, column))
        if known is None:
            known = self._known[action, column] = tuple(self._of_column(action, column))
        return known

    def _of_column(self, action: str, column: ColumnRef) -> Iterator[Subject]:
        labels = sorted(self._binding.labels_of(column) - {DERIVED}) or ([""] if self._bars_columns else [])
        for label in labels:
            uid, layer = self._entities.column(column, label)
            table = self._entities.table(column.relation)
            reveal = Question("reveal", uid, label, layer, table)
            yield Subject(Question(action, uid, label, layer, table), reveal, column, label)

    def _everything(self, action: str) -> Iterator[Subject]:
        yield from self._labels(action, self._binding.all_labels | {OPAQUE})

    def _labels(self, action: str, labels: frozenset[str]) -> Iterator[Subject]:
        for label in sorted(labels):
            uid = self._entities.label(label)
            yield Subject(Question(action, uid, label), Question("reveal", uid, label), None, label)


def _may_hold_anything(span: Span) -> bool:
    return (
        span.confidence == Confidence.OPAQUE
        or span.runs_code
        or any(output.opaque for output in span.outputs or ())
        or any(write.opaque for write in span.writes)
    )


def _handles_names(span: Span) -> bool:
    """Whether it makes, names or drops things without a look at their rows: no error of it can quote one."""
    named = span.verb in _NAMING or span.verb.startswith("drop ")
    return named and span.confidence == Confidence.EXACT and not span.functions


def _of_touch(touch: Touch, span: Span) -> Iterator[str]:
    action = _BY_ACCESS[touch.access]
    yield _specific("define", span.verb) if action == "define" else action
    if not span.bounded and touch.access in _UNBOUNDED:
        yield _UNBOUNDED[touch.access]


def _specific(group: str, verb: str) -> str:
    """The action of a group that a verb names, or the group itself where none fits."""
    first, _, rest = verb.partition(" ")
    role = "role" if rest in ("role", "user", "group", "session authorization") else ""
    for name in (role, _BY_VERB.get(first, ""), first):
        if name in GROUPS.get(group, ()):
            return name
    return group
