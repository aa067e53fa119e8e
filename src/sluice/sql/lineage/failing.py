"""Which computations may fail, or not, by the value they are given: whether a statement succeeds is seen by everybody.

What is named here succeeds whatever the values, as far as they fit into memory. Everything else counts as a condition on
what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.sql import ir
from sluice.sql.lineage.categories import category
from sluice.sql.lineage.reach import Reach, union
from sluice.sql.lineage.scope import Scope
from sluice.sql.lineage.work import Work

_NAMES: Mapping[str, str] = {
    "operators": "= <> != < <= > >= || @> <@ && ? ?| ?& -> ->> #> #>>",
    "whatever they are given": """
        upper lower initcap length char_length character_length octet_length bit_length btrim ltrim rtrim reverse concat
        concat_ws quote_literal quote_nullable quote_ident starts_with strpos position md5 sha224 sha256 sha384 sha512
        hashtext to_json to_jsonb row_to_json array_to_json json_build_array jsonb_build_array jsonb_pretty json_typeof
        jsonb_typeof array_length array_ndims array_lower array_upper cardinality array_to_string string_to_array num_nulls
        num_nonnulls unnest pg_options_to_table pg_typeof pg_column_size pg_column_compression age record_out text varchar bpchar left right round
        floor ceil ceiling isfinite lower_inc upper_inc lower_inf upper_inf isempty
        min max any_value bool_and bool_or every bit_and bit_or bit_xor mode first_value last_value lag lead
        count sum avg stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp regr_avgx regr_avgy
        regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy rank dense_rank percent_rank cume_dist
        row_number
    """,
    "by what follows the first argument alone": """
        lpad rpad split_part translate encode to_char substr substring overlay percentile_disc percentile_cont nth_value
    """,
    "filling the memory": "repeat lpad rpad replace regexp_replace string_agg array_fill format",
}
_OPERATORS, _TOTAL, _BY_FIRST, _GROWING = (frozenset(names.split()) for names in _NAMES.values())
_DOCUMENTS = frozenset({"->", "->>", "#>", "#>>"})
"""What stands on the right of these says where to look, and the document on the left may be broken there alone."""
_BY_SECOND = frozenset({"date_part", "date_trunc", "extract"})
_BY_VALUES = frozenset({"json_build_object", "jsonb_build_object", "json_object_agg", "jsonb_object_agg"})
"""Keys must be there; values may be anything."""
_GATHERING = frozenset({"string_agg", "array_agg", "json_agg", "jsonb_agg", "json_agg_strict", "jsonb_agg_strict"})
_CUTTING = frozenset({"substr", "substring", "overlay"})
"""With numbers they cut, with a text they search."""

_TEXTS = frozenset({"text", "varchar", "bpchar", "name"})
_DAYS = frozenset({"date", "timestamp", "timestamptz", "time", "timetz"})
_CONSTRUCTS = frozenset(
    {"case", "coalesce", "nullif", "minmax", "row", "test", "between", "grouping", "collate", "subscript"}
)


def by_call(call: ir.Call, args: list[Reach], scope: Scope, work: Work) -> bool:
    """Whether a call of one of the system's functions may fail by what reaches its arguments."""
    if call.name in _GROWING:
        work.grows = True
    if call.name in _TOTAL:
        return False
    if call.name in _GATHERING:
        bearing = [(arg, reach) for arg, reach in zip(call.args, args, strict=False) if reach.flows or reach.opaque]
        return not all(_column(arg, reach, scope) for arg, reach in bearing) or _lists(call.args, args, work)
    if call.name in _BY_FIRST:
        work.literals_matter = work.literals_matter or call.name in _CUTTING
        cuts = call.name not in _CUTTING or all(isinstance(arg, ir.Constant) and arg.whole for arg in call.args[1:])
        # Within a group what is ordered comes last.
        checked = args[:1] if call.within else args[1:]
        return not cuts or _bears(checked)
    if call.name in _BY_SECOND:
        return _bears(args[:1])
    if call.name in _BY_VALUES:
        return _bears(args[::2])
    return bool(args)


def by_operator(operate: ir.Operate, sides: list[Reach], work: Work) -> bool:
    """Whether one of the system's operators may fail by what reaches its operands."""
    if operate.name not in _OPERATORS:
        return True
    if operate.name in _DOCUMENTS:
        return _bears(sides[1:])
    if operate.name == "||":
        work.join(union(sides))
    return False


def by_cast(cast: ir.Cast, found: Reach, work: Work) -> bool:
    """Whether a conversion to one of the system's types may fail by the value."""
    if isinstance(cast.arg, ir.Constant):
        return False
    if cast.many or cast.schema not in (None, "pg_catalog"):
        return True
    if cast.name in _TEXTS:
        return False
    return not (cast.name in _DAYS and category(cast.arg, found, work) == "D")


def by_construct(compute: ir.Compute, args: list[Reach], work: Work) -> bool:
    """Whether a construct may fail by what reaches its parts."""
    if compute.kind == "array":
        return _lists(compute.args, args, work)
    return compute.kind not in _CONSTRUCTS


def _bears(reaches: list[Reach]) -> bool:
    return any(reach.flows or reach.opaque for reach in reaches)


def _column(expr: ir.Expr, reach: Reach, scope: Scope) -> bool:
    """Whether it is a column or a row as it stands, or as a text: no longer than it is, whatever the caller makes of it."""
    if isinstance(expr, ir.Cast) and expr.name in _TEXTS and not expr.many and isinstance(expr.arg, ir.Name):
        *_, table, column = ("", *expr.arg.parts)
        entry = scope.entry(table) if table else None
        found = entry.get(column) if entry is not None else scope.column(column) if not table else None
        return found is not None and found.plain is not None
    return reach.plain is not None or reach.row is not None


def _lists(exprs: list[ir.Expr], reaches: list[Reach], work: Work) -> bool:
    """Whether arrays may be put together: their lengths have to agree."""
    bearing = [(expr, reach) for expr, reach in zip(exprs, reaches, strict=False) if reach.flows or reach.opaque]
    return any(reach.row is None and category(expr, reach, work) in ("", "A") for expr, reach in bearing)
