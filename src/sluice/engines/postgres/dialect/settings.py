"""`current_setting` and `set_config` of a setting named in the text: what SHOW and SET may do, they may do too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sluice.engines.postgres.dialect.kinds import FREE_SETTINGS, HARMLESS_SETTINGS, SECRET_SETTINGS
from sluice.sql import ir

# What these change must be known before the next statement is read, so it takes a SET of its own.
_MEANINGFUL: Final = frozenset(
    {
        "search_path", "client_encoding", "names", "standard_conforming_strings", "row_security",
        "default_transaction_read_only", "transaction_read_only",
    }
)  # fmt: skip


def harmless_setting(name: str, args: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a call of this name does no more than SHOW or SET of a harmless setting, by its arguments' literals alone.

    A name with a dot is a setting into which anybody may have put anything.
    """
    said = [_literal(arg) for arg in args]
    if name == "set_config" and len(args) == 3 and "ParamRef" in args[1]:
        said[1] = "a value of the caller's own"
    if None in said or not said or "." in str(said[0]):
        return False
    if name == "current_setting":
        return str(said[0]).lower() not in SECRET_SETTINGS
    return name == "set_config" and str(said[0]).lower() in HARMLESS_SETTINGS - _MEANINGFUL


def reads_free_setting(name: str, args: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a call of this name reads a setting that may hold any text."""
    return name == "current_setting" and bool(args) and str(_literal(args[0])).lower() in FREE_SETTINGS


def settings_held(found: list[ir.Target], listed: Sequence[Mapping[str, Any]] | None, where: Any) -> list[ir.Target]:
    """The select list; `set_config(name, …)` in it taken for harmless where the condition holds `name` to such a setting, and
    `current_setting(name)` for what the row says of it.

    PostgreSQL's own tools write so, for settings that an older server does not have. `found` are the items of `listed`.
    """
    held, shown = dict(_equalities(where)), dict(_equalities(where, lists=True))
    for target, item in zip(found, listed or (), strict=True):
        call = item["ResTarget"].get("val", {}).get("FuncCall", {})
        args = call.get("args") or ()
        named = args and _column(args[0])
        if isinstance(target.expr, ir.Call) and target.expr.name == "set_config" and named in held:
            target.expr.setting = harmless_setting("set_config", [held[named], *args[1:]])
            target.expr.named_by = _SETTINGS
        elif isinstance(target.expr, ir.Call) and target.expr.name == "current_setting" and len(args) == 1 and named:
            said = _literal(shown.get(named, {})) or "."
            target.expr.setting = _may_be_shown(said)
            target.expr.free = not FREE_SETTINGS.isdisjoint(said.lower().split("\0"))
            target.expr.named_by, target.expr.hands = _SETTINGS, (*_SETTINGS[:2], "setting")
    return found


def settings_shown(where: Mapping[str, Any] | None) -> ir.Picked | None:
    """The condition that picks settings by their names in the text: their rows tell what SHOW does."""
    for column, constant in _equalities(where, lists=True):
        parts = tuple(column.split("\0"))
        if parts[-1] == "name":
            said = str(_literal(constant))
            shown = frozenset({"setting", "reset_val"}) if _may_be_shown(said) else frozenset[str]()
            free = not FREE_SETTINGS.isdisjoint(said.lower().split("\0"))
            return ir.Picked(ir.Name(parts), _SETTINGS, shown, free)
    return None


def _may_be_shown(names: str) -> bool:
    """Whether anybody may see these settings (their names, parted by zero bytes): the server's own, but for those with secrets."""
    return "." not in names and SECRET_SETTINGS.isdisjoint(names.lower().split("\0"))


_SETTINGS: Final = ("pg_catalog", "pg_settings", "name")


def _equalities(where: Mapping[str, Any] | None, lists: bool = False) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(column, constant) of everything that a condition holds to one text; `lists`: or to one of several, as one constant."""
    if not where:
        return
    both = where.get("BoolExpr", {})
    if both.get("boolop") == "AND_EXPR":
        for arg in both["args"]:
            yield from _equalities(arg, lists)
    compared = where.get("A_Expr", {})
    operator = [part.get("String", {}).get("sval") for part in compared.get("name", ())]
    column, constant = _column(compared.get("lexpr", {})), compared.get("rexpr", {})
    if operator == ["pg_catalog", "~"] and lists:
        # As psql asks for the settings that somebody named.
        column = _column(_argument_of_lower(compared["lexpr"]))
        pattern = _NAMES.fullmatch(_literal(constant.get("CollateClause", {}).get("arg", {})) or "")
        if column and pattern:
            yield column, {"A_Const": {"sval": {"sval": pattern[1].replace("|", "\0")}}}
        return
    if operator != ["="] or not column:
        return
    if compared.get("kind") == "AEXPR_OP" and "sval" in constant.get("A_Const", {}):
        yield column, constant
    elif compared.get("kind") == "AEXPR_IN" and lists:
        said = [_literal(item) for item in constant.get("List", {}).get("items", ())]
        if None not in said:
            yield column, {"A_Const": {"sval": {"sval": "\0".join(map(str, said))}}}


_NAMES: Final = re.compile(r"\^\(([a-z_|]+)\)\$")


def _argument_of_lower(expr: Mapping[str, Any]) -> Mapping[str, Any]:
    call = expr.get("FuncCall", {})
    names = [part.get("String", {}).get("sval") for part in call.get("funcname", ())]
    args: Sequence[Mapping[str, Any]] = call.get("args") or ()
    return args[0] if names == ["pg_catalog", "lower"] and len(args) == 1 else {}


def _column(expr: Mapping[str, Any]) -> str:
    """A column as it is written; empty: it is something else."""
    parts = [part.get("String", {}).get("sval") for part in expr.get("ColumnRef", {}).get("fields", ())]
    return "" if None in parts else "\0".join(parts)


def sets_search_path(select: Mapping[str, Any]) -> bool:
    """Whether a SELECT is no more than `pg_catalog.set_config('search_path', …, …)`: what PostgreSQL's own tools begin with."""
    targets = select.get("targetList", ())
    if set(select) != _BARE or len(targets) != 1 or select["op"] != "SETOP_NONE" or select["limitOption"] != _NO_LIMIT:
        return False
    target = targets[0].get("ResTarget", {})
    call = target.get("val", {}).get("FuncCall", {})
    names = [part.get("String", {}).get("sval") for part in call.get("funcname", ())]
    if set(target) != {"val", "location"} or set(call) != _CALL or names != ["pg_catalog", "set_config"]:
        return False
    said = [_literal(arg) for arg in call["args"]]
    return len(said) == 3 and None not in said and said[0] == "search_path"


_BARE: Final = {"targetList", "limitOption", "op"}
_CALL: Final = {"funcname", "args", "funcformat", "location"}
_NO_LIMIT: Final = "LIMIT_OPTION_DEFAULT"


def _literal(arg: Mapping[str, Any]) -> str | None:
    constant = arg.get("A_Const")
    if not isinstance(constant, dict) or constant.get("isnull"):
        return None
    for kind in ("sval", "boolval", "ival"):
        if kind in constant:
            return str(constant[kind].get(kind, ""))
    return None
