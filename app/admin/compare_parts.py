"""The pieces of HTML that the screen of comparisons shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from app.admin import parts, pieces
from app.admin.parts import Tone
from app.comparisons import Entry, Page, Passage
from app.tryout import Tried
from pipelines.store.evaluations import Evaluation
from training.card import SHOWN, label
from training.changes import Placed
from training.metrics import COMPARED

TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "no proof yet": "warn"}
SNIPPET = 320
PASSAGE = 900


def evaluation_list(found: Sequence[Evaluation], chosen: int | None) -> str:
    """Evaluations as rows to choose, newest first."""
    rows = [
        (
            one.id,
            (
                " against ".join(reversed([m["name"] for m in one.figures["models"]]))
                if len(one.models) == 2
                else ", ".join(m["name"] for m in one.figures["models"]),
                outcomes(one),
                parts.count(one.figures["dataset"]["questions"], "question"),
                parts.when(one.created_at),
            ),
        )
        for one in found
    ]
    headers = ("Compared", "Verdict", "On", "When")
    return pieces.stack(pieces.choices(headers, rows, chosen))


def outcomes(one: Evaluation) -> Markup:
    """The verdicts of an evaluation, a word for each version."""
    verdicts = one.figures["verdicts"]
    if not verdicts:
        return parts.pill("figures alone")
    several = len(verdicts) > 1
    words = (
        parts.pill(
            f"{v['model']}: {v['outcome']}" if several else v["outcome"], TONES[v["outcome"]]
        )
        for v in verdicts
    )
    return Markup(" ").join(words)


def summary(one: Evaluation) -> str:
    """An evaluation's verdict in words, its table, and the differences with their intervals."""
    figures = one.figures
    data = figures["dataset"]
    told: list[str | Markup] = []
    for verdict in figures["verdicts"]:
        told.append(parts.note(verdict["sentence"], TONES[verdict["outcome"]]))
        if more := _more_questions(figures, verdict):
            told.append(pieces.quiet(more))
    told.append(
        pieces.facts(
            [
                ("Held-out questions", data["questions"]),
                ("That lean on their passage", data.get("leaning")),
                ("Passages", data["passages"]),
                ("Took", parts.seconds(figures["seconds"])),
                ("By", one.created_by),
            ]
        )
    )
    told += [
        pieces.heading("Figures", "small: the range that covers the true value 95 times of 100"),
        figures_table(figures),
        pieces.heading("Differences", "as users search, and by the vectors alone"),
        differences(figures),
    ]
    return pieces.stack(*told)


def _more_questions(figures: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """How many more questions would show a difference, where that is known."""
    for row in figures["comparisons"]:
        same = row["candidate"] == f"{verdict['model']}, hybrid" and row["reference"].endswith(
            ", hybrid"
        )
        more = row["difference"]["more_questions"]
        if same and row["measure"] == COMPARED[0] and more:
            return f"About {more:,} more held-out questions would show a difference of this size."
    return ""


def figures_table(figures: Mapping[str, Any]) -> Markup:
    """Every way to search with its figures; the best of each is marked."""
    systems = figures["systems"]
    best = {m: max(s["figures"][m] for s in systems) for m in SHOWN}
    rows = [
        (system["name"], *(_figure(system, measure, best[measure]) for measure in SHOWN))
        for system in systems
    ]
    for name, (measure, value) in figures.get("beside", {}).items():
        rows.append((f"{name} (given)", *(f"{value:.3f}" if m == measure else "" for m in SHOWN)))
    return parts.table(
        ("Way to search", *map(label, SHOWN)), rows, numbers=range(1, len(SHOWN) + 1)
    )


def _figure(system: Mapping[str, Any], measure: str, best: float) -> Markup:
    value = system["figures"][measure]
    shown = Markup("<strong>{}</strong>" if value >= best else "{}").format(f"{value:.3f}")
    interval = system["intervals"].get(measure)
    if interval is None:
        return shown
    return shown + Markup("<small>{} to {}</small>").format(
        f"{interval['low']:.3f}", f"{interval['high']:.3f}"
    )


def differences(figures: Mapping[str, Any]) -> Markup:
    """Candidates against the reference, measure by measure."""
    rows = [
        (
            Markup("{} <small>against {}</small>").format(row["candidate"], row["reference"]),
            label(row["measure"]),
            f"{row['difference']['mean']:+.3f}",
            f"{row['difference']['low']:+.3f} to {row['difference']['high']:+.3f}",
            parts.pill(row["difference"]["outcome"], TONES[row["difference"]["outcome"]]),
        )
        for row in figures["comparisons"]
        if row["measure"] == COMPARED[0]
    ]
    if not rows:
        return parts.note("One version alone: there is nothing to compare it with.")
    headers = ("Compared", "Figure", "Difference", "95% interval", "Says")
    return parts.table(headers, rows, numbers=(2, 3))


def bars(figures: Mapping[str, Any], measure: str) -> str:
    """A bar for each way to search, with the interval as a line where there is one."""
    rows = []
    for system in figures["systems"]:
        value, interval = system["figures"][measure], system["intervals"].get(measure)
        line = Markup("")
        if interval is not None:
            line = Markup('<b style="left:{}%;width:{}%"></b>').format(
                f"{100 * max(0, interval['low']):.1f}",
                f"{100 * (min(1, interval['high']) - max(0, interval['low'])):.1f}",
            )
        rows.append(
            Markup(
                '<div class="way {}"><span>{}</span><div><i style="width:{}%"></i>{}</div>'
                "<em>{}</em></div>"
            ).format(
                "first" if system["mode"] == "hybrid" else "",
                system["name"],
                f"{100 * value:.1f}",
                line,
                f"{value:.3f}",
            )
        )
    return str(
        Markup('<div class="chart" role="img" aria-label="{}">{}</div>').format(
            f"{label(measure)} by way to search", Markup("").join(rows)
        )
    )


def questions(page: Page, old: str, new: str) -> str:
    """A page of questions, each to be opened for both lists."""
    if not page.entries:
        return pieces.stack(parts.empty("None of this kind", "Choose another kind above."))
    cards = (_entry(entry, old, new) for entry in page.entries)
    return pieces.stack(
        pieces.quiet(
            f"{page.counts['won']} rank their answer higher with {new}, {page.counts['lost']}"
            f" lower, {page.counts['alike']} alike."
        ),
        Markup("").join(cards),
    )


def _entry(entry: Entry, old: str, new: str) -> Markup:
    change = entry.change
    tone: Tone = {"won": "good", "lost": "bad", "alike": "quiet"}[change.kind]  # type: ignore[assignment]
    cause = pieces.quiet(f"Likely cause: {entry.cause}") if entry.cause else Markup("")
    right = Markup("").join(
        _passage(entry.passages.get(name), name, PASSAGE) for name in change.relevant
    )
    return Markup(
        '<details class="question"><summary><span>{}</span><span class="ranks">{} {}</span>'
        "</summary>{}<h4>The passage that answers it</h4>{}"
        '<div class="lists"><div><h4>{}</h4>{}</div><div><h4>{}</h4>{}</div></div></details>'
    ).format(
        change.question,
        parts.pill(change.kind, tone),
        f"rank {rank(change.before)} → {rank(change.after)}",
        cause,
        right,
        old,
        _placed(change.old, entry.passages),
        new,
        _placed(change.new, entry.passages),
    )


def rank(place: int | None) -> str:
    """A rank, or that it is too far down to be seen."""
    return "beyond 10" if place is None else str(place)


def _placed(found: Sequence[Placed], passages: Mapping[str, Passage]) -> Markup:
    items = (
        Markup('<li class="{}">{}</li>').format(
            "right" if hit.gold else "",
            _passage(passages.get(hit.passage), hit.passage, SNIPPET, hit.score, hit.gold),
        )
        for hit in found
    )
    return Markup("<ol>{}</ol>").format(Markup("").join(items))


def _passage(
    passage: Passage | None,
    name: str,
    most: int,
    score: float | None = None,
    right: bool = False,
) -> Markup:
    title = passage.title if passage is not None else f"passage {name[:12]}"
    text = " ".join(passage.text.split()) if passage is not None else "no longer stored"
    shown = text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"
    marks = Markup(" {}").format(parts.pill("answers it", "good")) if right else Markup("")
    points = Markup(" <small>{}</small>").format(f"{score:.3f}") if score is not None else ""
    return Markup('<div class="passage"><b>{}</b>{}{}<p>{}</p></div>').format(
        title, points, marks, shown
    )


def tried(found: Sequence[Tried]) -> str:
    """What two versions find for one question, side by side."""
    held = [{hit.chunk_id for hit in one.hits} for one in found]
    columns = []
    for n, one in enumerate(found):
        others = set().union(*(held[m] for m in range(len(found)) if m != n))
        items = (
            Markup("<li>{}</li>").format(
                _hit(hit, alone=len(found) > 1 and hit.chunk_id not in others)
            )
            for hit in one.hits
        )
        times = f"question embedded in {one.embed_ms:.0f} ms, searched in {one.search_ms:.0f} ms"
        columns.append(
            Markup("<div><h4>{} <small>{}</small></h4>{}</div>").format(
                one.version,
                times,
                Markup("<ol>{}</ol>").format(Markup("").join(items))
                if one.hits
                else parts.note("It finds nothing."),
            )
        )
    return str(Markup('<div class="lists">{}</div>').format(Markup("").join(columns)))


def _hit(hit: Any, *, alone: bool) -> Markup:
    place = f"page {hit.page}" if hit.page else (hit.heading or "").split(" > ")[-1][:60]
    title = " · ".join(filter(None, [hit.title, place]))
    text = " ".join(hit.text.split())
    shown = text if len(text) <= SNIPPET else text[:SNIPPET].rsplit(" ", 1)[0] + " …"
    mark = Markup(" {}").format(parts.pill("only here", "busy")) if alone else Markup("")
    return Markup('<div class="passage"><b>{}</b> <small>{}</small>{}<p>{}</p></div>').format(
        title, f"{hit.score:.3f}", mark, shown
    )
