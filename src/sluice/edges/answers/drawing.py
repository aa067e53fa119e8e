"""Paths of data as text, as a Mermaid diagram and as an SVG picture."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from sluice.edges.answers.paths import Edge, Paths, Place

_WIDE, _HIGH, _ACROSS, _DOWN = 260, 34, 380, 54


def as_text(found: Paths) -> Iterator[str]:
    """An indented line an edge; a place that was shown before is not gone into again."""
    leaving: dict[Place, list[Edge]] = {}
    for _, edge in found.edges:
        leaving.setdefault(edge.origin, []).append(edge)
    shown: set[Place] = set()
    for place in found.begin or ():
        if place.source:
            yield str(place)
            yield from _below(place, leaving, shown, 1)
        else:
            yield str(place)
            for _, edge in found.edges:
                yield (
                    f"  {edge.origin} → {_said(edge)}"
                    if edge.mask
                    else f"  {edge.origin} → {edge.target}: {_said(edge)}"
                )


def as_mermaid(found: Paths) -> str:
    """A flowchart in Mermaid's language."""
    numbers = {place: f"n{at}" for at, place in enumerate(_places(found))}
    lines = ["flowchart LR"]
    for place, number in numbers.items():
        text = str(place).replace('"', "#quot;")
        lines.append(f'  {number}["{text}"]' if place.source else f'  {number}(["{text}"])')
    for _, edge in found.edges:
        said = _said(edge).replace('"', "#quot;").replace("|", "/")
        lines.append(f'  {numbers[edge.origin]} -->|"{said}"| {numbers[edge.target]}')
    return "\n".join(lines) + "\n"


def as_svg(found: Paths) -> str:
    """A picture: columns of places by their distance, lines between them."""
    layers: dict[int, list[Place]] = {}
    spots: dict[Place, tuple[int, int]] = {}
    for place, layer in _layered(found).items():
        spots[place] = (20 + layer * _ACROSS, 20 + len(layers.setdefault(layer, [])) * _DOWN)
        layers[layer].append(place)
    width = 40 + max((x for x, _ in spots.values()), default=0) + _WIDE
    height = 40 + max((y for _, y in spots.values()), default=0) + _HIGH
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for _, edge in found.edges:
        (x1, y1), (x2, y2) = spots[edge.origin], spots[edge.target]
        color = "#b00020" if edge.mask == "clear" else "#607080"
        start, end = (x1 + _WIDE, y1 + _HIGH // 2), (x2 if x2 > x1 else x2 + _WIDE, y2 + _HIGH // 2)
        middle = (start[0] + end[0]) // 2
        parts.append(
            f'<path d="M{start[0]} {start[1]} C{middle} {start[1]} {middle} {end[1]} {end[0]} {end[1]}" fill="none" '
            f'stroke="{color}"><title>{escape(f"{edge.origin} → {edge.target}: {_said(edge)}")}</title></path>'
        )
    for place, (x, y) in spots.items():
        fill, round_ = ("#eef3f8", 4) if place.source else ("#fdf3e1", 17)
        text = str(place) if len(str(place)) < 40 else str(place)[:38] + "…"
        parts.append(
            f'<g><rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="{round_}" fill="{fill}" stroke="#8899aa"/>'
            f'<text x="{x + 10}" y="{y + 21}">{escape(text)}</text><title>{escape(str(place))}</title></g>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _below(place: Place, leaving: dict[Place, list[Edge]], shown: set[Place], depth: int) -> Iterator[str]:
    shown.add(place)
    for edge in leaving.get(place, ()):
        # Every mark of a place stands once; where it leads on to is said below the first.
        again = edge.target in shown and bool(edge.target.source)
        yield f"{'  ' * depth}→ {edge.target}: {_said(edge)}{' (see above)' if again else ''}"
        if edge.target.source and not again:
            yield from _below(edge.target, leaving, shown, depth + 1)


def _said(edge: Edge) -> str:
    how = f"{edge.mask} to" if edge.mask else "written by"
    rows = "" if edge.rows is None else f", {edge.rows} rows"
    many = "statement" if edge.statements == 1 else "statements"
    return f"{how} {edge.who}, {edge.statements} {many}{rows}, last {edge.last:%Y-%m-%d} ({edge.newest})"


def _places(found: Paths) -> list[Place]:
    return list(_layered(found))


def _layered(found: Paths) -> dict[Place, int]:
    layers = dict.fromkeys(found.begin, 0)
    for far, edge in found.edges:
        layers.setdefault(edge.origin, far)
        layers.setdefault(edge.target, far + 1)
    return layers
