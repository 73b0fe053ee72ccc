"""The data of charts and the texts of SmartArt, which Word and PowerPoint keep in parts of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.indexing.readers.office.packages import RELATION, Package
from pipelines.indexing.readers.office.shown import shown
from pipelines.indexing.readers.tables import grid

_DIAGRAM_PICTURES = ("pres", "parTrans", "sibTrans")


def of_graphics(element: Any, package: Package, part: str) -> Iterator[str]:
    """
    The texts of all charts and SmartArt in an element.

    :param part: The name of the part that the element stands in.
    """
    for chart in element.iter("{*}chart"):
        if (target := package.target(part, chart.get(RELATION + "id"))) is not None:
            root = package.xml(target)
            yield from chart_lines(root) if root is not None else ()
    for diagram in element.iter("{*}relIds"):
        if (target := package.target(part, diagram.get(RELATION + "dm"))) is not None:
            root = package.xml(target)
            yield from diagram_lines(root) if root is not None else ()


def pictures_of(element: Any, package: Package, part: str) -> Iterator[bytes]:
    """The bytes of all pictures in an element."""
    for picture in element.iter("{*}blip", "{*}imagedata"):
        relation = picture.get(RELATION + "embed") or picture.get(RELATION + "id")
        yield package.bytes_of(package.target(part, relation))


def chart_lines(chart: Any) -> list[str]:
    """A chart's title, and a row for each category that names the value of each series."""
    told = chart_titles(chart)
    if any(True for _ in chart.iter("{*}chartData")):
        return [*told, *_newer_lines(chart)]
    series = list(chart.iter("{*}ser"))
    names = [_text(next(one.iterchildren("{*}tx"), None)) or "value" for one in series]
    values = [_points(one, "val", "yVal") for one in series]
    categories: dict[int, str] = {}
    for one in series:
        categories = _points(one, "cat", "xVal") | categories
    places = sorted({place for points in values for place in points})
    if any(sizes := [_points(one, "bubbleSize") for one in series]):
        names += [f"size of {name}" for name in names]
        values += sizes
    rows = [
        [categories.get(place, str(place + 1)), *(points.get(place, "") for points in values)]
        for place in places
    ]
    return [*told, *grid.lines([["", *names], *rows], 1)] if rows else told


def _newer_lines(chart: Any) -> Iterator[str]:
    """The rows of a chart of a newer kind: a waterfall, a funnel, a tree map."""
    named = {one.find("{*}dataId").get("val"): _text(next(one.iter("{*}tx"), None))
             for one in chart.iter("{*}series") if one.find("{*}dataId") is not None}  # fmt: skip
    for data in chart.iter("{*}data"):
        columns = [
            {int(point.get("idx") or 0): point.text or "" for point in level.iterchildren("{*}pt")}
            for level in data.iter("{*}lvl")
        ]
        places = sorted({place for column in columns for place in column})
        rows = [[column.get(place, "") for column in columns] for place in places]
        if rows and len(columns) > 1:
            names = [*[""] * (len(columns) - 1), named.get(data.get("id")) or "value"]
            yield from grid.lines([names, *rows], 1)


def chart_titles(chart: Any) -> list[str]:
    """The titles of a chart and of its axes, each once."""
    texts = (_text(title) for title in chart.iter("{*}title"))
    return list(dict.fromkeys(filter(None, texts)))


def diagram_lines(data: Any) -> list[str]:
    """The texts of SmartArt in the order of its points."""
    lines = []
    for point in data.iter("{*}pt"):
        if point.get("type") not in _DIAGRAM_PICTURES and (text := _text(point)):
            lines.append(f"- {text}")
    return ["\n".join(lines)] if lines else []


def _points(series: Any, *kinds: str) -> dict[int, str]:
    """The stored values of a series by their place, with several levels of categories joined."""
    found: dict[int, str] = {}
    for kind in kinds:
        for holder in series.iterchildren("{*}" + kind):
            code = next((c.text or "" for c in holder.iter("{*}formatCode")), "General")
            levels = list(holder.iter("{*}lvl")) or [holder]
            for number, level in enumerate(levels):
                points = {
                    int(point.get("idx") or 0): _shown((point.findtext("{*}v") or "").strip(), code)
                    for point in level.iter("{*}pt")
                }
                # The name of a group stands at its first category alone.
                last = ""
                for place in sorted({*points, *found} if number else points):
                    last = points.get(place, last)
                    found[place] = f"{last} {found[place]}".strip() if number else last
    return found


def _shown(value: str, number_format: str) -> str:
    """A value as the chart's labels show it: 25% for 0.25."""
    if number_format == "General":
        return value
    try:
        return shown(float(value), number_format)
    except ValueError:
        return value


def _text(element: Any | None) -> str:
    if element is None:
        return ""
    texts = (node.text or "" for node in element.iter("{*}t", "{*}v"))
    return " ".join(" ".join(texts).split())
