"""The label book: which labels there are, how each is hidden by default, and which columns carry which."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sluice.model.columns import ColumnRef
from sluice.model.decision import Mask
from sluice.model.masks import mask
from sluice.policy.binding import UNKNOWN, Binding, Classified, bind
from sluice.sql.catalog import Catalog

_NONE: Final[frozenset[str]] = frozenset()

OPAQUE: Final = "opaque.unknown"
"""What a value carries that the analysis could not follow."""

SUBJECTS: Final = ("pii.email", "pii.national_id", "pii.passport")
"""Labels whose values identify people, unless the book says which do."""

BUILTIN: Final[Mapping[str, Mask]] = {
    "opaque": mask("redact", {}),
    "secret": mask("null", {}),
    UNKNOWN: mask("redact", {}),
}
"""Labels that exist in every book, with the masks they have unless the book says otherwise."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A name pattern, `schema.table.column`, in which `*` is any run of characters and `?` any one.

    Case does not matter, for ignoring it can only label too much.
    """

    schema: str
    table: str
    column: str

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Reads `schema.table.column`; a part in double quotes may hold dots. Raises ValueError."""
        parts = [quoted.replace('""', '"') if quoted else bare for quoted, bare, _ in _PART.findall(text)]
        if not _WHOLE.fullmatch(text) or len(parts) != 3:
            raise ValueError(f"`{text}` is not `schema.table.column` (each part may use `*` and `?`)")
        return cls(*parts)


_PART = re.compile(r'(?:"((?:[^"]|"")+)"|([^".]+))(\.|$)')
_WHOLE = re.compile(r'(?:(?:"(?:[^"]|"")+"|[^".]+)\.){2}(?:"(?:[^"]|"")+"|[^".]+)')


def globbed(text: str) -> re.Pattern[str]:
    """A glob of `*` and `?` as a compiled expression for whole names."""
    body = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in text)
    return re.compile(body, re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Columns named by pattern, of the sources named by pattern, carry these labels."""

    source: str
    pattern: Pattern
    labels: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class LabelBook:
    """Taxonomy, masks and assignments, as written. `builtin` are system catalogs' columns, always labelled.

    Values of the labels `subjects` and below identify people: the log keeps keyed hashes of those that left.
    """

    masks: Mapping[str, Mask]
    labels: frozenset[str]
    assignments: tuple[Assignment, ...] = ()
    builtin: Mapping[ColumnRef, str] = field(default_factory=dict, repr=False)
    subjects: tuple[str, ...] = SUBJECTS

    def identifies(self, label: str) -> bool:
        """Whether values of a label identify people: by it, or by one above it."""
        return any(label == one or label.startswith(one + ".") for one in self.subjects)

    def mask_of(self, label: str) -> Mask:
        """How a label is hidden: its own mask or that of the nearest label above it, else `redact`."""
        above = label
        while above:
            if above in self.masks:
                found = self.masks[above]
                return Mask(found.method, found.params, (label,))
            above = above.rpartition(".")[0]
        return Mask("redact", labels=(label,))

    def assigned(self, source: str) -> Callable[[ColumnRef], frozenset[str]]:
        """What the book itself says of a source's columns, by name."""
        return _Assigned(self.assignments, source)

    def bind(
        self,
        source: str,
        catalog: Catalog,
        previous: Binding | None = None,
        learned: Mapping[tuple[int, int], frozenset[str]] | None = None,
        classified: Classified | None = None,
    ) -> Binding:
        """Binds the book to one source's catalog; see `sluice.policy.binding.bind`."""
        return bind(catalog, self.assigned(source), self.builtin, previous, learned or {}, classified)


class _Assigned:
    """Labels by name for one source. Patterns are chosen by column name once, since most names fit none."""

    def __init__(self, assignments: tuple[Assignment, ...], source: str) -> None:
        self._rules = [
            (globbed(one.pattern.schema), globbed(one.pattern.table), globbed(one.pattern.column), one.labels)
            for one in assignments
            if globbed(one.source).fullmatch(source)
        ]
        self._by_column: dict[str, list[tuple[re.Pattern[str], re.Pattern[str], frozenset[str]]]] = {}

    def __call__(self, column: ColumnRef) -> frozenset[str]:
        rules = self._by_column.get(column.column)
        if rules is None:
            rules = [
                (schema, table, held) for schema, table, name, held in self._rules if name.fullmatch(column.column)
            ]
            self._by_column[column.column] = rules
        if not rules:
            return _NONE
        return _NONE.union(
            *(
                held
                for schema, table, held in rules
                if table.fullmatch(column.table) and schema.fullmatch(column.schema)
            )
        )
