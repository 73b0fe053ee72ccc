"""An evaluation as the screen of comparisons shows it: verdicts, next steps, details. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.admin.html import figures, jobs, parts, words
from app.admin.html.template import Template
from pipelines.store.evaluations import Evaluation
from pipelines.store.jobs import Job
from pipelines.store.models import Model
from training.evaluation import gate
from training.evaluation.candidates import identity

_html = Template("compare")


def evaluation_list(found: Sequence[Evaluation], chosen: int | None) -> str:
    """Evaluations as rows to choose, newest first."""
    rows = [
        (
            one.id,
            (
                _compared([model["name"] for model in one.figures["models"]]),
                outcomes(one),
                words.count(one.figures["dataset"]["questions"], "question"),
                parts.when(one.created_at),
            ),
        )
        for one in found
    ]
    headers = ("Compared", "Result", "Measured on", "When")
    return parts.stack(parts.choices(headers, rows, chosen))


def _compared(names: Sequence[str]) -> str:
    """The models of an evaluation, whose first is the reference."""
    return " against ".join(reversed(names)) if len(names) == 2 else ", ".join(names)


def outcomes(one: Evaluation) -> Markup:
    """The verdicts of an evaluation, a word for each version."""
    verdicts = one.figures["verdicts"]
    if not verdicts:
        return parts.pill("measured alone")
    several = len(verdicts) > 1
    return _html.joined(
        [
            parts.pill(
                f"{verdict['model']}: {figures.outcome(verdict)}"
                if several
                else figures.outcome(verdict),
                figures.TONES[verdict["outcome"]],
            )
            for verdict in verdicts
        ]
    )


@dataclass(frozen=True)
class Known:
    """
    What is known of an evaluation's models now.

    :param serving: The model that serves.
    :param versions: Names of the registered versions, by identity.
    :param outdated: Identities of candidates that a newer evaluation compares with the same model.
    :param decided: The gate's verdicts on candidates by all their comparisons, by identity.
    """

    serving: Model
    versions: Mapping[str, str]
    outdated: frozenset[str]
    decided: Mapping[str, gate.Verdict]


def verdicts(one: Evaluation, known: Known) -> str:
    """
    Whether each candidate should serve, with the next step, then the figures that people notice.
    """
    reference, *candidates = one.figures["models"]
    shown: list[str | Markup] = [_advice(one, facts, known) for facts in candidates]
    if not candidates:
        shown.append(parts.note(f"Only {reference['name']} was measured. Nothing was compared."))
    count = words.count(one.figures["dataset"]["questions"], "held-out question")
    remark = _html.around(parts.term("hybrid", "hybrid search"), "", f" on {count}")
    shown += [parts.heading("What people get", remark), figures.people_table(one.figures)]
    return parts.stack(*shown)


def _advice(one: Evaluation, facts: Mapping[str, Any], known: Known) -> Markup:
    """The sentence of the gate on one candidate, and the step that follows from it."""
    name, reference = facts["name"], one.figures["models"][0]
    registered = known.versions.get(facts["identity"])
    look = [parts.door(f"Open {registered}", f"versions/{registered}")] if registered else []
    if facts["identity"] == identity(known.serving):
        return parts.verdict("It serves now.", "quiet", look, subject=name)
    if reference["identity"] != identity(known.serving):
        said = (
            f"Compared with {reference['name']}, which does not serve now. Compare it with"
            f" {known.serving.name} before you promote it."
        )
        return parts.verdict(said, "quiet", look, subject=name)
    if facts["identity"] in known.outdated:
        said = "There is a newer comparison of the same two versions. That one counts."
        return parts.verdict(said, "quiet", look, subject=name)
    decided = known.decided[facts["identity"]]
    tone = jobs.ADVICE[decided.advice]
    steps = _steps(decided.advice, registered, look)
    return parts.verdict(decided.sentence, tone, steps, subject=name)


def _steps(advice: gate.Advice, registered: str | None, look: list[Markup]) -> list[Markup]:
    """The links that follow from the advice."""
    if advice == "promote":
        target = f"versions/{registered}/promote"
        return [parts.door(f"Promote {registered}", target, primary=True)] if registered else []
    if advice == "wait":
        return [parts.door("Make more pairs", "pairs"), *look]
    if advice == "leave":
        return [parts.door("Tune another version", "tune"), *look]
    return look


def details(one: Evaluation) -> str:
    """Every way to search with its figures, and the differences with their intervals."""
    data = one.figures["dataset"]
    shown: list[str | Markup] = [
        *(parts.quiet(verdict["sentence"]) for verdict in one.figures["verdicts"]),
        parts.facts(
            [
                (parts.term("held-out", "Held-out questions"), data["questions"]),
                ("Unclear without their passage", data.get("leaning")),
                ("Passages", data["passages"]),
                ("Took", words.seconds(one.figures["seconds"])),
                ("Started by", one.created_by),
            ]
        ),
        parts.heading(
            "Every way to search",
            _html.around(parts.term("interval", "95% interval"), "small figures: ", ""),
        ),
        figures.figures_table(one.figures),
        parts.heading("Differences", "in hybrid search, and in vector search alone"),
        figures.differences(one.figures),
    ]
    return parts.stack(*shown)


def data(heldout: int, found: Sequence[Evaluation]) -> str:
    """What versions are compared on, and how long that took the last time."""
    said = f"{words.count(heldout, 'held-out pair')}."
    if found:
        last = found[0].figures
        versions = words.count(len(last["models"]), "version")
        said += f" The last comparison took {words.seconds(last['seconds'])} for {versions}."
    return said


def progress(job: Job) -> str:
    """A comparison that runs or waits."""
    title = jobs.title(job)
    if job.stopping:
        return str(parts.note(f"{title}: stopping…", "warn"))
    if job.status == "todo":
        return str(parts.note(f"{title}: {str(jobs.state(job)).rstrip('.')}.", "busy"))
    started = parts.quiet(f"{title}, started by {job.args.get('who')}")
    return parts.stack(started, jobs.progress_bar(job))


def ended(job: Job) -> str:
    """A comparison that failed or was cancelled."""
    title = jobs.title(job)
    if job.status == "failed":
        return str(parts.note(f"{title} failed: {job.fault or 'see Jobs'}", "bad"))
    said = f"{title}: cancelled. Compare the same versions again to continue where it stopped."
    return str(parts.note(said))


def nothing(heldout: int, versions: int) -> str:
    """What stands in place of the list, and what to do first."""
    if not heldout:
        link = parts.link("Make pairs", "pairs")
        said = _html.around(link, "Comparing needs held-out questions. ", " first.")
    elif versions == 1:
        link = parts.link("Tune another one", "tune")
        said = _html.around(link, "There is only one version. ", " first.")
    else:
        said = Markup("Choose versions above and press Compare. It takes a few minutes.")
    return str(parts.empty("No comparisons yet", said))
