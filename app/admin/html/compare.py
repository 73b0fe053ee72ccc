"""The pieces of HTML that the screen of comparisons shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.actions.comparisons import Entry, Page, Passage
from app.actions.tryout import Tried
from app.admin.html import jobs, parts, pieces
from app.admin.html.parts import Tone
from pipelines.store.evaluations import Evaluation
from pipelines.store.models import Model
from training.evaluation import gate
from training.evaluation.candidates import identity
from training.evaluation.figures.changes import Placed
from training.evaluation.metrics import COMPARED
from training.finetune.card import SHOWN, label

TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "no proof yet": "warn"}
WORDS = {"no proof yet": "not proved better"}
# The figures of the verdict, in the order that people know them.
PEOPLE = ("hit@5", "mrr@10", "ndcg@10")
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
        parts.pill(f"{v['model']}: {_word(v)}" if several else _word(v), TONES[v["outcome"]])
        for v in verdicts
    )
    return Markup(" ").join(words)


@dataclass(frozen=True)
class Known:
    """
    What is known of an evaluation's models now.

    :param serving: The model that serves.
    :param versions: Names of the registered versions, by identity.
    :param outdated: Identities of candidates that a newer evaluation compares with the same model.
    """

    serving: Model
    versions: Mapping[str, str]
    outdated: frozenset[str]


def verdicts(one: Evaluation, known: Known) -> str:
    """Whether each candidate should serve, with the next step; then what people get, in figures."""
    reference, *candidates = one.figures["models"]
    told: list[str | Markup] = [_advice(one, facts, known) for facts in candidates]
    if not candidates:
        told.append(parts.note(f"Figures of {reference['name']} alone: nothing to compare with."))
    count = parts.count(one.figures["dataset"]["questions"], "held-out question")
    told += [
        pieces.heading(
            "What people get",
            Markup("{} on {}").format(parts.term("hybrid", "hybrid search"), count),
        ),
        people_table(one.figures),
    ]
    return pieces.stack(*told)


def _advice(one: Evaluation, facts: Mapping[str, Any], known: Known) -> Markup:
    """The sentence of the gate on one candidate, and the step that follows from it."""
    name, reference = facts["name"], one.figures["models"][0]
    registered = known.versions.get(facts["identity"])
    look = parts.door(f"Look at {registered}", f"versions/{registered}") if registered else ""
    if facts["identity"] == identity(known.serving):
        return _told(name, "It serves now.", "quiet", look)
    if reference["identity"] != identity(known.serving):
        said = (
            f"Compared with {reference['name']}, which does not serve now. Compare it with"
            f" {known.serving.name} before promoting it."
        )
        return _told(name, said, "quiet", look)
    if facts["identity"] in known.outdated:
        return _told(name, "A newer comparison of the two decides.", "quiet", look)
    verdict = gate.decide(one.figures, facts["identity"], identity(known.serving))
    steps = {
        "promote": parts.door(
            f"Promote {registered}", f"versions/{registered}/promote", primary=True
        )
        if registered
        else "",
        "wait": parts.door("Make more pairs", "pairs") + look,
        "leave": parts.door("Tune another", "tune") + look,
    }
    return _told(
        name, verdict.sentence, jobs.ADVICE[verdict.advice], steps.get(verdict.advice, look)
    )


def _told(name: str, sentence: str, tone: Tone, steps: Markup | str) -> Markup:
    return Markup('<div class="note verdict {}"><p><strong>{}</strong> {}</p>{}</div>').format(
        tone, name, sentence, Markup('<div class="doors">{}</div>').format(steps) if steps else ""
    )


def people_table(figures: Mapping[str, Any]) -> Markup:
    """The search that people get, with each version; the best of each figure is marked."""
    systems = [s for s in figures["systems"] if s["mode"] == "hybrid"]
    return _systems_table("Version", [(s["model"], s) for s in systems], PEOPLE)


def details(one: Evaluation) -> str:
    """Every way to search with its figures, and the differences with their intervals."""
    figures = one.figures
    data = figures["dataset"]
    told: list[str | Markup] = [
        *(pieces.quiet(verdict["sentence"]) for verdict in figures["verdicts"]),
        pieces.facts(
            [
                ("Held-out questions", data["questions"]),
                ("Near-copies of the passage", data.get("leaning")),
                ("Passages", data["passages"]),
                ("Took", parts.seconds(figures["seconds"])),
                ("Started by", one.created_by),
            ]
        ),
        pieces.heading(
            "Every way to search", Markup("small: 95% {}").format(parts.term("interval"))
        ),
        figures_table(figures),
        pieces.heading("Differences", "as people search, and by the vectors alone"),
        differences(figures),
    ]
    return pieces.stack(*told)


def figures_table(figures: Mapping[str, Any]) -> Markup:
    """Every way to search with its figures; the best of each is marked."""
    given = [
        (f"{name} (given)", *(f"{value:.3f}" if m == measure else "" for m in SHOWN))
        for name, (measure, value) in figures.get("beside", {}).items()
    ]
    systems = [(s["name"], s) for s in figures["systems"]]
    return _systems_table("Way to search", systems, SHOWN, given)


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
            parts.term(label(row["measure"])),
            f"{row['difference']['mean']:+.3f}",
            f"{row['difference']['low']:+.3f} to {row['difference']['high']:+.3f}",
            parts.pill(_word(row["difference"]), TONES[row["difference"]["outcome"]]),
        )
        for row in figures["comparisons"]
        if row["measure"] == COMPARED[0]
    ]
    if not rows:
        return parts.note("One version alone: there is nothing to compare it with.")
    headers = ("Compared", "Figure", "Difference", parts.term("interval", "95% interval"), "Says")
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


def _word(verdict: Mapping[str, Any]) -> str:
    return WORDS.get(verdict["outcome"], str(verdict["outcome"]))


def unbuilt(names: Sequence[str]) -> str:
    """Which versions cannot be asked, and what to do about it."""
    if not names:
        return ""
    links = Markup(", ").join(parts.link(name, f"versions/{name}") for name in names)
    return str(
        Markup('<p class="soft">Not built yet, so it cannot be asked: {}.</p>').format(links)
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
