"""Keeping what names mean in step with the server: search path, role, catalog, prepared statements.

Whatever may change it (SET, DDL, ROLLBACK, an opaque function) leaves the session unsettled; before the next statement is
analysed Sluice asks the server itself, on the same connection, how things stand. Nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sluice.model.decision import Refusal
from sluice.session import effects as fx
from sluice.session.analyses import Analyses, Understood, executed, respelt
from sluice.session.flights import Flight, Kind
from sluice.session.names import Book, Portal, Prepared
from sluice.session.rulings import Ruling
from sluice.session.spelling import codec_of, readable
from sluice.session.state import State, Wait
from sluice.sql.bodies import Statement
from sluice.sql.span import Confidence, Span

ABORTED = Refusal("current transaction is aborted, commands ignored until end of transaction block", code="25P02")
_ENDS = frozenset({"commit", "rollback", "rollback-to"})


def settled(state: State) -> bool:
    """Whether names mean what the session believes; if not, sets out to find out and says False."""
    if not state.unsettled:
        return True
    if state.status == "E" and not state.flights and not state.in_pipeline:
        return True
    if not drained(state):
        return False
    # The context first: it says what `pg_temp` is, by which labels find the tables they were written into.
    what = "context" if "context" in state.unsettled else "catalog"
    inject(state, state.engine.catalog_sql if what == "catalog" else state.engine.context_sql, what)
    return False


def blind(state: State, rulings: Sequence[Ruling]) -> Refusal | None:
    """In a failed transaction with names unsettled only its end may pass; the server would refuse the rest anyway."""
    if not state.unsettled or state.status != "E":
        return None
    ending = len(rulings) == 1 and any(effect.kind in _ENDS for effect in rulings[0].span.effects)
    return None if ending else ABORTED


def drained(state: State) -> bool:
    """Whether everything sent is answered; if not, waits for it (asking the server to flush inside a pipeline)."""
    if not state.flights:
        state.names_busy = False
        return True
    if not state.flights[-1].ends_pipeline:
        state.send(state.engine.voice.flush, own="flush")
    state.wait = Wait.ANSWERS
    return False


def inject(state: State, sql: str, purpose: str) -> None:
    """Sends a statement of Sluice's own; the inbox waits for its answer. Only when everything is answered."""
    voice = state.engine.voice
    mid = state.in_pipeline
    state.fly(Flight(Kind.OWN, purpose=purpose, ends_pipeline=not mid))
    # The sender of a replication stream knows no extended protocol; nor can it be in a pipeline of it.
    said = voice.own_query(sql) if state.replication else voice.own_statement(sql, voice.flush if mid else voice.sync)
    state.send(said, own=purpose)
    state.wait = Wait.OWN


def release(state: State) -> None:
    """Ends the pipeline at the server early, so that it holds no locks while the client's next step waits."""
    state.fly(Flight(Kind.OWN, purpose="release"))
    state.send(state.engine.voice.sync, own="release")
    state.wait = Wait.OWN
    state.pipeline += 1
    state.in_pipeline = False


def own_answered(state: State, flight: Flight) -> None:
    """Takes in the answer to one of Sluice's own statements."""
    state.wait = None
    if flight.purpose == "context":
        *_, encoding, plain = known = flight.collected or []
        state.encoding, state.plain_strings = encoding.decode("ascii"), plain == b"on"
        path, user, temporary = (_own_text(state, cell) for cell in known[:3])
        state.context = replace(
            state.context, search_path=tuple(json.loads(path)), user=user, temp_schema=temporary or None
        )
        state.analyses = None
        state.unsettled.discard("context")
    elif flight.purpose == "function":
        state.called = tuple([_own_text(state, cell) for cell in flight.collected or ()])
    elif flight.purpose == "catalog":
        state.unsettled.discard("catalog")
        state.also.append(
            fx.BuildCatalog([_own_text(state, cell) for cell in flight.collected or ()], shared=state.status == "I")
        )
        state.wait, state.building = Wait.CATALOG, True


def published(state: State, rulings: Sequence[Ruling]) -> bool:
    """Whether labels taken on in this transaction are known to everybody, if the statement commits it; False: soon."""
    if not state.uncommitted or not any(effect.kind == "commit" for one in rulings for effect in one.span.effects):
        return True
    state.also.append(fx.LearnLabels(tuple(state.uncommitted)))
    state.uncommitted.clear()
    state.wait = Wait.CATALOG
    return False


def _own_text(state: State, cell: bytes) -> str:
    """A value of one of Sluice's own queries; UnicodeDecodeError when the client's encoding is none that Sluice reads."""
    return cell.decode(codec_of(state))


def names_settled(state: State, lookups: Iterable[tuple[Book[Prepared] | Book[Portal], str]]) -> bool:
    """Whether these names mean something sure; if not, waits for the answers that decide it."""
    if state.names_busy or any(book.unsure(name, state.pipeline) for book, name in lookups):
        return drained(state)
    return True


def understand(state: State, text: bytes, above: frozenset[bytes] = frozenset()) -> Understood | None:
    """What the text does, in this session's context; None: it is being parsed elsewhere.

    `above`: texts for whose sake this one is understood.
    """
    analyses = state.analyses
    if analyses is None:
        analyses = state.analyses = _analyses(state)
    known = analyses.recall(text)
    if known is not None and state.plain_strings and state.encoding == "UTF8":
        return known
    begin = state.watch.clock()
    limits = state.world.limits
    statements: tuple[Statement, ...] | None = state.lowered.pop(text, None)
    if statements is None:
        if limits.apart < len(text) <= limits.statement:
            state.also.append(fx.Lower(text, readable(state, text)))
            state.wait = Wait.LOWER
            return None
        statements = state.engine.lower(readable(state, text))
    prepared = _prepared(state, text, statements, above)
    if prepared is None:
        state.lowered[text] = statements
        return None
    understood = analyses.understand(text, statements, prepared, state.portals.spans())
    state.watch.analysing += state.watch.clock() - begin
    if understood.unknown and state.sought != text and state.status != "E":
        # Somebody else may have made it a moment ago: look at the catalog once more before saying no.
        state.sought = text
        state.lowered[text] = statements
        state.unsettled.add("catalog")
        settled(state)
        return None
    return understood


def _prepared(
    state: State, text: bytes, statements: tuple[Statement, ...], above: frozenset[bytes]
) -> Mapping[str, tuple[Span, ...]] | None:
    """What names of prepared statements stand for. Those that the text runs are understood anew, as the server does before
    it runs them; None: one is being parsed elsewhere.
    """
    spans = dict(state.statements.spans())
    for name in executed(statements):
        kept = state.statements.get(name)
        if kept is None:
            continue
        if kept.text == text or kept.text in above:
            # It would be asked for its own sake.
            del spans[name]
            continue
        again = renewed(state, kept, above | {text})
        if again is None:
            return None
        spans[name] = again.spans
    return spans


def inside(span: Span) -> Understood:
    """The statement inside PREPARE or DECLARE, by itself."""
    spans = () if span.prepared is None else (span.prepared,)
    return Understood(spans, lasting=True, shifts=False, unknown=False, names=False)


def renewed(state: State, prepared: Prepared, above: frozenset[bytes] = frozenset()) -> Understood | None:
    """What a prepared statement does now: the server, too, resolves its names anew when the path or the catalog changed.

    None: its text is being parsed elsewhere.
    """
    if prepared.under is state.analyses and state.analyses is not None and prepared.understood.lasting:
        return prepared.understood
    understood = understand(state, prepared.text, above)
    if understood is None:
        return None
    understood = typed(state, understood, prepared.types)
    if prepared.inner is not None:
        understood = _found_inside(understood, prepared.inner)
    prepared.understood, prepared.under = understood, state.analyses
    return understood


def typed(state: State, understood: Understood, types: bytes) -> Understood:
    """The same with parameters of the types that the client declares: reading them may run code of others."""
    kinds = [oid for oid in state.engine.declared_types(types) if oid] if types else []
    code = frozenset(f"cast to type {oid}" for oid in kinds if not state.world.catalog.type_is_plain(oid))
    if not code:
        return understood
    spans = [replace(span, functions=span.functions | code, confidence=Confidence.OPAQUE) for span in understood.spans]
    return replace(understood, spans=tuple(spans), lasting=False)


def _found_inside(understood: Understood, name: str) -> Understood:
    for span in understood.spans:
        if any(effect.kind in ("prepare", "declare") and effect.args[:1] == (name,) for effect in span.effects):
            return inside(span)
    return Understood((), lasting=False, shifts=True, unknown=False, names=True)


def _analyses(state: State) -> Analyses:
    context = state.context
    key = (context.search_path, context.user, context.temp_schema, context.stained)
    known = state.world.memory.contexts.get(key)
    if isinstance(known, Analyses):
        return known
    analyses = Analyses(state.engine, state.world.catalog, context)
    state.world.memory.contexts.keep(key, analyses)
    return analyses


def shifted(state: State, understood: Understood) -> None:
    """Notes that a statement just sent may change what names mean."""
    kinds = {effect.kind for span in understood.spans for effect in span.effects}
    if "catalog" in kinds or "discard" in kinds:
        # The first temporary table of a session also makes its temporary schema.
        state.unsettled |= {"catalog", "context"}
        state.catalog_touched = True
    if kinds & {"context", "role", "discard", "reset", "search-path"} or respelt(understood.spans):
        state.unsettled.add("context")
        state.shifted = True
    if not state.context.stained and any(span.runs_code or span.functions for span in understood.spans):
        state.context, state.analyses = replace(state.context, stained=True), None
    if any(span.confidence is Confidence.OPAQUE for span in understood.spans):
        state.unsettled |= {"catalog", "context"}
        state.catalog_touched = state.shifted = True


def transaction_ended(state: State, rolled_back_to: bool = False) -> None:
    """A transaction (or a savepoint's part of it) is over: what it changed may be kept or gone."""
    if state.catalog_touched:
        state.unsettled.add("catalog")
    if state.shifted:
        state.unsettled.add("context")
    if not rolled_back_to:
        state.catalog_touched = state.shifted = False
        state.transaction_read_only = False
