"""Statements already understood, under one catalog and one way of resolving names; shared by a worker's sessions.

A statement is remembered under its text with the literals taken out when the analysis says that no literal matters to it, and
under its exact text otherwise. A text that names prepared statements or cursors is never remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sluice.engines.engine import Engine
from sluice.session.memory import STATEMENTS, Bounded
from sluice.sql import bodies
from sluice.sql.bodies import Statement
from sluice.sql.catalog import Catalog
from sluice.sql.lineage import Context, analyze
from sluice.sql.span import Confidence, Span

_NAMING = frozenset({"execute", "fetch"})
_SHIFTING = frozenset({"catalog", "context", "role", "discard", "reset", "search-path"})
_READING = frozenset({"client_encoding", "standard_conforming_strings"})
BLIND = "follows a statement in the same message that may change what its names mean"


@dataclass(slots=True, eq=False)
class Understood:
    """One text: a span for each of its statements. `lasting`: it may be remembered."""

    spans: tuple[Span, ...]
    lasting: bool
    shifts: bool
    """What names mean may be different once it has run."""
    unknown: bool
    """It names a relation that the catalog does not hold."""
    names: bool
    """It defines, uses or drops names of prepared statements, portals or cursors."""


class Analyses:
    """The understood statements of one context. `recall` is on the path of every statement."""

    __slots__ = ("_by_shape", "_catalog", "_context", "_engine", "_exact")

    def __init__(self, engine: Engine, catalog: Catalog, context: Context) -> None:
        self._engine = engine
        self._catalog = catalog
        self._context = replace(context, views={}, coded=set())
        self._by_shape: Bounded[bytes, Understood] = Bounded(STATEMENTS)
        self._exact: Bounded[bytes, Understood] = Bounded(STATEMENTS)

    def recall(self, text: bytes) -> Understood | None:
        """What is known of the text; None when it was not seen."""
        shape = self._engine.normalize(text)
        if shape is not None:
            known = self._by_shape.get(shape[0])
            if known is not None:
                return known
        return self._exact.get(text)

    def understand(
        self,
        text: bytes,
        statements: tuple[Statement, ...],
        prepared: Mapping[str, tuple[Span, ...]],
        cursors: Mapping[str, tuple[Span, ...]],
    ) -> Understood:
        """Analyses each statement in the context that those before it leave, and remembers what may be."""
        context = replace(self._context, prepared=prepared, cursors=cursors)
        spans: list[Span] = []
        blind = False
        for statement in statements:
            span = analyze(statement, self._catalog, context)
            if blind and (span.tables or span.functions or span.outputs):
                span = replace(span, confidence=Confidence.OPAQUE, outputs=None, reasons=(*span.reasons, BLIND))
            spans.append(span)
            context = _after(context, span)
            blind = blind or any(effect.kind in _SHIFTING for effect in span.effects)
        understood = _understood(tuple(spans))
        if understood.lasting and not understood.unknown:
            self._remember(text, understood)
        return understood

    def _remember(self, text: bytes, understood: Understood) -> None:
        shape = None if any(span.literals_matter for span in understood.spans) else self._engine.normalize(text)
        if shape is None:
            self._exact.keep(text, understood)
        else:
            self._by_shape.keep(shape[0], understood)


def executed(statements: Iterable[Statement]) -> Iterator[str]:
    """The prepared statements that a text runs, by name."""
    for statement in statements:
        body = statement.body
        while isinstance(body, bodies.Explain | bodies.Keep):
            body = body.inner
        if isinstance(body, bodies.Recall) and body.verb == "execute":
            yield body.name
        elif isinstance(body, bodies.CreateFrom) and body.executes is not None:
            yield body.executes


def respelt(spans: Iterable[Span]) -> bool:
    """Whether a statement changes how the server reads the bytes of those after it, or writes those of results."""
    return any(
        effect.kind in ("set", "reset") and effect.args[0] in _READING for span in spans for effect in span.effects
    )


def _understood(spans: tuple[Span, ...]) -> Understood:
    kinds = {effect.kind for span in spans for effect in span.effects}
    return Understood(
        spans=spans,
        lasting=not kinds & _NAMING,
        shifts=bool(kinds & _SHIFTING) or respelt(spans),
        unknown=any(reason.startswith("unknown relation") for span in spans for reason in span.reasons),
        names=bool(kinds & {"prepare", "execute", "deallocate", "declare", "fetch", "close", "discard"}),
    )


def _after(context: Context, span: Span) -> Context:
    for effect in span.effects:
        if effect.kind == "prepare" and span.prepared is not None:
            context = replace(context, prepared={**context.prepared, effect.args[0]: (span.prepared,)})
        elif effect.kind == "declare" and span.prepared is not None:
            context = replace(context, cursors={**context.cursors, effect.args[0]: (span.prepared,)})
    return context
