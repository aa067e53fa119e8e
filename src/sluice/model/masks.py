"""The mask methods, their settings and their order, on one list. What each does to a value is the kernel's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sluice.model.decision import Mask, MaskMethod


@dataclass(frozen=True, slots=True)
class Param:
    """One setting of a method. `choices` empty: a whole number of at least `least`.

    `larger_hides`: of two settings the larger (or the later choice) is the stricter; else the smaller.
    """

    name: str
    default: str
    doc: str
    least: int = 0
    choices: tuple[str, ...] = ()
    larger_hides: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """One way to hide a value. `doc` is one line for the reference."""

    name: MaskMethod
    doc: str
    params: tuple[Param, ...] = ()


METHODS: tuple[Method, ...] = (
    Method("null", "nothing is shown: NULL"),
    Method("redact", "a fixed stand-in that is valid for the type, or NULL: only that there is a value shows"),
    Method("hash", "a keyed HMAC-SHA256 of the value: equal values stay equal, so joins work"),
    Method("pseudonym", "a made-up value of the same shape, the same for equal values under one key"),
    Method(
        "generalize",
        "a number becomes the start of its bucket, a date the first of its month or year",
        (
            Param("width", "10", "size of a number's bucket", least=1, larger_hides=True),
            Param("unit", "year", "what remains of a date", choices=("month", "year"), larger_hides=True),
        ),
    ),
    Method("email", "the first character and the domain of an address stay"),
    Method(
        "partial",
        "all characters but the first or last few become `*`",
        (
            Param("keep_last", "4", "characters kept at the end"),
            Param("keep_first", "0", "characters kept at the start"),
        ),
    ),
    Method("scrub", "only the sensitive spans of a free text are replaced"),
)
"""All methods, strictest first: each shows something that those before it do not."""

_RANK = {method.name: rank for rank, method in enumerate(METHODS)}
_BY_NAME: Mapping[str, Method] = {method.name: method for method in METHODS}


class MaskError(ValueError):
    """A mask that cannot be: its method or a setting is unknown or out of range. The text names what was expected."""


def mask(method: str, params: Mapping[str, str], labels: Iterable[str] = ()) -> Mask:
    """A checked mask; raises MaskError."""
    known = _BY_NAME.get(method)
    if known is None:
        raise MaskError(f"`{method}` is not a mask method; expected one of {_listed(_BY_NAME)}")
    settings = {param.name: param for param in known.params}
    for name, value in params.items():
        if name not in settings:
            expected = f"expected {_listed(settings)}" if settings else "it takes none"
            raise MaskError(f"the mask method `{method}` has no setting `{name}`; {expected}")
        _check(known, settings[name], value)
    return Mask(known.name, tuple(sorted(params.items())), tuple(sorted(labels)))


def rank(method: MaskMethod) -> int:
    """The place of a method among all: the smaller, the stricter."""
    return _RANK[method]


def strictest(masks: Iterable[Mask]) -> Mask:
    """The one mask that shows no more than any of these, with the labels of all. ValueError when there are none."""
    given = list(masks)
    best = min(given, key=lambda one: _RANK[one.method])
    same = [one for one in given if one.method == best.method]
    labels = frozenset[str]().union(*(one.labels for one in given))
    return Mask(best.method, _hardest(_BY_NAME[best.method], [dict(one.params) for one in same]), tuple(sorted(labels)))


def _hardest(method: Method, settings: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    kept: dict[str, str] = {}
    for param in method.params:
        if not any(param.name in each for each in settings):
            continue
        values = [each.get(param.name, param.default) for each in settings]
        if param.choices:
            order = param.choices.index
            kept[param.name] = max(values, key=order) if param.larger_hides else min(values, key=order)
        else:
            kept[param.name] = max(values, key=int) if param.larger_hides else min(values, key=int)
    return tuple(sorted(kept.items()))


def _check(method: Method, param: Param, value: str) -> None:
    if param.choices:
        if value not in param.choices:
            raise MaskError(f"`{param.name}` of the mask method `{method.name}` is one of {_listed(param.choices)}")
    elif not (value.isascii() and value.isdigit() and len(value) <= 9 and int(value) >= param.least):
        raise MaskError(
            f"`{param.name}` of the mask method `{method.name}` is a whole number from {param.least} to 999999999"
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
