"""
The report of an evaluation as one self-contained HTML file, and as JSON.

The template engine escapes everything that comes from documents or questions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pipelines.system.atomic_files import write_json, write_staged
from training.evaluation.dataset import Dataset
from training.evaluation.figures.causes import Causes
from training.evaluation.figures.changes import DEEPEST, worth
from training.evaluation.figures.comparison import (
    BM25,
    DECIDING,
    LABELS,
    WITHOUT_MODEL,
    EvaluationReport,
    ModelFacts,
    ModelVerdict,
    QuestionResult,
    System,
    better_side,
    system_name,
)
from training.evaluation.figures.glossary import meaning
from training.evaluation.metrics import COMPARED
from training.evaluation.paid import PRICES_AS_OF
from training.evaluation.rankings import Mode
from training.finetune.card import label

MEASURES = ("hit@1", "hit@3", "hit@5", "hit@10", "mrr@10", "ndcg@10", "map@100", "recall@100")
TONE = {"better": "better", "worse": "worse", "no proof yet": "open"}
SHOWN_CHANGES = 20
SNIPPET = 240


@dataclass(frozen=True)
class ReportPassage:
    """A shortened passage in a list."""

    text: str
    score: float
    gold: bool


@dataclass(frozen=True)
class Listing:
    """The best passages of one system."""

    system: str
    hits: list[ReportPassage]


@dataclass(frozen=True)
class ReportQuestion:
    """A question that one model ranks differently from the reference."""

    question: str
    before: str
    after: str
    cause: str
    lists: list[Listing]


@dataclass(frozen=True)
class Group:
    """Wins or losses. Only the largest are listed."""

    title: str
    total: int
    shown: list[ReportQuestion]


@dataclass(frozen=True)
class Changes:
    """Wins and losses of one model."""

    title: str
    summary: str
    groups: list[Group]


@dataclass(frozen=True)
class Tile:
    """One measure of the reference (`before`) and of a model (`after`)."""

    title: str
    before: float
    after: float
    tone: str


@dataclass(frozen=True)
class Chart:
    """One measure of all systems. The axis begins at `low`, not at 0."""

    measure: str
    low: float
    systems: list[System]
    beside: list[tuple[str, float]]

    def place(self, value: float) -> str:
        """A value's position in the chart's width."""
        return f"{100 * min(max((value - self.low) / (1 - self.low), 0), 1):.2f}%"


def write(folder: Path, report: EvaluationReport, dataset: Dataset) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` to a folder and return their paths."""
    html, data = folder / "report.html", folder / "report.json"
    text = render(report, dataset)
    write_staged(html, lambda file: file.write(text.encode()))
    write_json(data, report.as_json())
    return html, data


def render(report: EvaluationReport, dataset: Dataset) -> str:
    """Render the report as HTML: no scripts, no requests, light and dark, for screen and paper."""
    from jinja2 import Environment, StrictUndefined

    source = (resources.files("training") / "report.html").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(source).render(
        r=report,
        measures=MEASURES,
        compared=COMPARED,
        best={m: max(s.figures[m] for s in report.systems) for m in MEASURES},
        label=label,
        meaning=meaning,
        charts=[_chart(report, measure) for measure in COMPARED],
        tiles={verdict.model: _tiles(report, verdict) for verdict in report.verdicts},
        p_value=lambda p: "< 0.001" if p < 0.001 else f"{p:.3f}",
        cost=_cost,
        tone=TONE,
        notes=_notes(report),
        paid=any(model.tokens_paid is not None for model in report.models),
        prices_as_of=PRICES_AS_OF,
        changes=_changes(report, dataset),
    )


def _chart(report: EvaluationReport, measure: str) -> Chart:
    order = [*WITHOUT_MODEL, *LABELS]
    systems = sorted(report.systems, key=lambda s: order.index(s.mode))
    beside = [(name, value) for name, (of, value) in report.beside.items() if of == measure]
    least = min([*(s.intervals[measure].low for s in systems), *(value for _, value in beside)])
    return Chart(measure, min(math.floor(least * 10) / 10, 0.9), systems, beside)


def _tiles(report: EvaluationReport, verdict: ModelVerdict) -> list[Tile]:
    """The main figures: for users, for vectors alone, and on general questions."""
    modes: tuple[tuple[Mode, str], ...] = (
        ("hybrid", "as users search"),
        ("windows", "vectors alone"),
    )
    tiles = []
    for mode, title in modes:
        new, old = (system_name(name, mode) for name in (verdict.model, verdict.reference))
        for measure in COMPARED[:2]:
            before, after = (report.system(name).figures[measure] for name in (old, new))
            outcome = report.compared(new, old, measure).outcome
            tiles.append(Tile(f"{label(measure)}, {title}", before, after, TONE[outcome]))
    before, after = (
        report.general.figures[name][COMPARED[0]] for name in (verdict.reference, verdict.model)
    )
    outcome = report.general.differences[verdict.model].outcome
    tiles.append(Tile("MRR@10, general questions", before, after, TONE[outcome]))
    return tiles


def _cost(model: ModelFacts) -> str:
    if model.tokens_paid is None:
        return ""
    return "price not known" if model.dollars is None else f"${model.dollars:.4f}"


def _notes(report: EvaluationReport) -> list[str]:
    """Warnings for the reader: where one side alone is better, and what a model forgot."""
    notes = []
    measure = COMPARED[0]
    for model in report.models:
        side = better_side(model.name, report.comparisons)
        if side is not None:
            notes.append(
                f"On these questions {side[0]} rank better than the whole search of {model.name}"
                f" (MRR@10 {-side[1].mean:+.3f})."
            )
        alone = report.compared(system_name(model.name, "windows"), BM25, measure)
        if alone.outcome == "worse":
            notes.append(
                f"Plain BM25 ranks better than the vectors of {model.name} alone"
                f" (MRR@10 {-alone.mean:+.3f}): words count here."
            )
    for name, difference in report.general.differences.items():
        if difference.outcome == "worse":
            notes.append(
                f"{name} is worse on general questions than {report.models[0].name}"
                f" (MRR@10 {difference.mean:+.3f}): it forgot some of what it knew."
            )
    return notes


def _changes(report: EvaluationReport, dataset: Dataset) -> list[Changes]:
    if not report.verdicts:
        return []
    languages = [language for language in dataset.languages.values() if language]
    language = max(set(languages), key=languages.count) if languages else None
    causes = Causes(dataset.corpus, language)
    return [
        _changes_of(report, dataset, causes, verdict.model, verdict.reference)
        for verdict in report.verdicts
    ]


def _changes_of(
    report: EvaluationReport, dataset: Dataset, causes: Causes, model: str, reference: str
) -> Changes:
    mode = DECIDING[0]
    new, old = system_name(model, mode), system_name(reference, mode)
    gains = [(_gain(q, new, old), q) for q in report.questions]
    wins = sorted((x for x in gains if x[0] > 0), key=lambda x: -x[0])
    losses = sorted((x for x in gains if x[0] < 0), key=lambda x: x[0])
    summary = (
        f"As users search: {len(wins)} questions rank their answer higher, {len(losses)} lower,"
        f" {len(gains) - len(wins) - len(losses)} alike. Causes are guesses by simple rules."
    )

    def shown(
        chosen: Sequence[tuple[float, QuestionResult]], *, lost: bool
    ) -> list[ReportQuestion]:
        return [
            _change(q, new, old, dataset, causes if lost else None)
            for _, q in chosen[:SHOWN_CHANGES]
        ]

    return Changes(
        title=f"Wins and losses of {model} against {reference}",
        summary=summary,
        groups=[
            Group("Losses", len(losses), shown(losses, lost=True)),
            Group("Wins", len(wins), shown(wins, lost=False)),
        ],
    )


def _gain(question: QuestionResult, new: str, old: str) -> float:
    return worth(question.results[new].rank) - worth(question.results[old].rank)


def _change(
    question: QuestionResult, new: str, old: str, dataset: Dataset, causes: Causes | None
) -> ReportQuestion:
    return ReportQuestion(
        question=question.question,
        before=_rank(question.results[old].rank),
        after=_rank(question.results[new].rank),
        cause=""
        if causes is None
        else causes.likely(
            question.question,
            question.relevant,
            [hit.passage for hit in question.results[new].top],
            leans=question.leans_on_context,
        ),
        lists=[_listing(question, system, dataset.corpus) for system in (old, new)],
    )


def _listing(question: QuestionResult, system: str, corpus: Mapping[str, str]) -> Listing:
    return Listing(
        system,
        [
            ReportPassage(
                _snippet(corpus[hit.passage]), hit.score, hit.passage in question.relevant
            )
            for hit in question.results[system].top
        ],
    )


def _rank(rank: int | None) -> str:
    return str(rank) if rank is not None and rank <= DEEPEST else f"beyond {DEEPEST}"


def _snippet(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= SNIPPET else shown[:SNIPPET].rsplit(" ", 1)[0] + " …"
