"""The figures of an evaluation: tables with intervals, differences, and a chart of bars. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.admin.html import parts
from app.admin.html.parts import Tone
from app.admin.html.template import Template
from training.evaluation.metrics import COMPARED
from training.finetune.card import SHOWN, label

TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "no proof yet": "warn"}
WORDS = {"no proof yet": "not proved better"}
# The figures of the verdict, in the order that people know them.
PEOPLE = ("hit@5", "mrr@10", "ndcg@10")

_html = Template("compare")


def outcome(verdict: Mapping[str, Any]) -> str:
    """How a comparison ended, in a word or two."""
    return WORDS.get(verdict["outcome"], str(verdict["outcome"]))


def people_table(figures: Mapping[str, Any]) -> Markup:
    """The search that people get, with each version. The best of each figure is marked."""
    systems = [(s["model"], s) for s in figures["systems"] if s["mode"] == "hybrid"]
    return _systems_table("Version", systems, PEOPLE)


def figures_table(figures: Mapping[str, Any]) -> Markup:
    """Every way to search with its figures. The best of each is marked."""
    published = [
        (f"{name} (published)", *(f"{value:.3f}" if m == measure else "" for m in SHOWN))
        for name, (measure, value) in figures.get("beside", {}).items()
    ]
    systems = [(s["name"], s) for s in figures["systems"]]
    return _systems_table("Way to search", systems, SHOWN, published)


def _systems_table(
    first: str,
    systems: Sequence[tuple[str, Mapping[str, Any]]],
    measures: Sequence[str],
    more: Sequence[tuple[object, ...]] = (),
) -> Markup:
    best = {m: max((s["figures"][m] for _, s in systems), default=0) for m in measures}
    rows = [(name, *(_figure(s, m, best[m]) for m in measures)) for name, s in systems]
    return parts.table(
        (first, *(parts.term(label(m)) for m in measures)),
        [*rows, *more],
        numbers=range(1, len(measures) + 1),
    )


def _figure(system: Mapping[str, Any], measure: str, best: float) -> Markup:
    value, interval = system["figures"][measure], system["intervals"].get(measure)
    said = f"{interval['low']:.3f} to {interval['high']:.3f}" if interval else ""
    return _html.figure(f"{value:.3f}", value >= best, said)


def differences(figures: Mapping[str, Any]) -> Markup:
    """Candidates against the reference, measure by measure."""
    rows = [
        (
            _html.with_remark(row["candidate"], f"against {row['reference']}"),
            parts.term(label(row["measure"])),
            f"{row['difference']['mean']:+.3f}",
            f"{row['difference']['low']:+.3f} to {row['difference']['high']:+.3f}",
            parts.pill(outcome(row["difference"]), TONES[row["difference"]["outcome"]]),
        )
        for row in figures["comparisons"]
        if row["measure"] == COMPARED[0]
    ]
    if not rows:
        return parts.note("Only one version was measured, so there is no difference to show.")
    headers = ("Compared", "Figure", "Difference", parts.term("interval", "95% interval"), "Result")
    return parts.table(headers, rows, numbers=(2, 3))


@dataclass(frozen=True)
class _ChartBar:
    """
    One bar of the chart. Widths are in percent.

    :param interval: Left end and width of the interval's line.
    """

    name: str
    value: str
    width: str
    interval: tuple[str, str] | None
    first: bool


def bars(figures: Mapping[str, Any], measure: str) -> str:
    """A bar for each way to search, with the interval as a line where there is one."""
    made = [_bar(system, measure) for system in figures["systems"]]
    return str(_html.chart(f"{label(measure)} by way to search", made))


def _bar(system: Mapping[str, Any], measure: str) -> _ChartBar:
    value, interval = system["figures"][measure], system["intervals"].get(measure)
    line = None
    if interval is not None:
        low, high = max(0, interval["low"]), min(1, interval["high"])
        line = f"{100 * low:.1f}", f"{100 * (high - low):.1f}"
    return _ChartBar(
        system["name"], f"{value:.3f}", f"{100 * value:.1f}", line, system["mode"] == "hybrid"
    )
