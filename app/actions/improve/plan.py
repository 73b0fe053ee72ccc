"""What improving the search will do, and about how long it takes here: said before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.actions import methods, plans
from app.actions.methods import MethodChoice
from app.actions.plans import LOAD_S, PROVE_S, SWITCH_S, Step
from app.services import Services
from pipelines.errors import InputError
from pipelines.store import evaluations, improvements, pair_passages, pairs
from pipelines.store.db import Connection
from pipelines.store.improvements import Improvement
from pipelines.store.scope import HANDBOOK
from training.evaluation.gate import FEWEST_TO_GAIN
from training.finetune.costs import duration
from training.finetune.launch import Machine
from training.finetune.options import LABELS
from training.pairs import collect
from training.pairs.offline import PER_PASSAGE

# Pairs are made without a language model: it costs nothing and needs no key.
SOURCE = "offline"
# Of the questions made, those that pass the checks, and the part of these to train on.
ACCEPTED, TRAINED = 0.8, 0.8
# Where nothing was measured yet: of a machine with two cores.
PASSAGE_S = 0.07
WINDOW_S = 0.03
MEASURE_S = 20.0
# Of one model, beside embedding the windows.
COMPARE_S = 15.0
UNKNOWN_S = 300.0


@dataclass(frozen=True)
class ImprovementPlan:
    """
    What an improvement will do, step by step.

    :param own: Number of passages in people's own documents. With 0 there is nothing to begin with.
    :param unfinished: The improvement that continues, if one was interrupted.
    """

    steps: tuple[Step, ...]
    choice: MethodChoice
    own: int
    unfinished: Improvement | None

    @property
    def seconds(self) -> float:
        """All steps together, about."""
        return sum(step.seconds or 0.0 for step in self.steps)

    @property
    def sentence(self) -> str:
        """The estimated time as a sentence. It names the training method if training is still to come."""
        method = "" if _is_trained(self.unfinished) else f" {self.choice.sentence()}"
        return f"about {duration(self.seconds / 60)}.{method}"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "seconds": round(self.seconds, 1),
            "method": self.choice.method,
            "reason": self.choice.reason,
            "measured": bool(self.choice.listed),
            "steps": [vars(step) for step in self.steps],
            "goes_on": self.unfinished is not None,
        }


def passages(conn: Connection) -> tuple[int, int]:
    """Of people's own documents: passages to ask about, and those not yet looked at."""
    return pair_passages.count_waiting(
        conn, SOURCE, shortest=collect.SHORTEST_CHARS, without=[HANDBOOK]
    )


def make(services: Services, with_what: Machine) -> ImprovementPlan:
    """
    What an improvement would do now. Cheap, and without effect.

    :raises InputError: The serving version cannot be trained.
    """
    with services.pool.connection() as conn:
        begun = improvements.unfinished(conn)
        own, waiting = passages(conn)
        new = 0 if begun and begun.pairs else min(waiting, collect.MOST_PASSAGES)
        more = round(new * PER_PASSAGE * ACCEPTED * TRAINED)
        choice = methods.known(conn, with_what, more_pairs=more)
        steps = (
            _pairs_step(conn, new, begun),
            _weigh_step(conn, more, begun),
            _train_step(choice, begun),
            _compare_step(conn, more),
            _promote_step(conn, choice),
        )
        return ImprovementPlan(steps, choice, own, begun)


def expected(services: Services, with_what: Machine) -> dict[str, float]:
    """Seconds of each stage of the bar."""
    try:
        found = make(services, with_what)
    except InputError:
        return {}
    names = ("pairs", "weigh", "train", "compare", "promote")
    seconds = {n: step.seconds or 0.0 for n, step in zip(names, found.steps, strict=True)}
    is_measured = bool(found.choice.listed) or _is_trained(found.unfinished)
    return seconds | {"measure": 0.0 if is_measured else MEASURE_S}


def _is_trained(begun: Improvement | None) -> bool:
    return begun is not None and begun.version is not None


def _pairs_step(conn: Connection, new: int, begun: Improvement | None) -> Step:
    if begun is not None and begun.pairs is not None:
        return Step("Make pairs.", f"Done: {begun.pairs.get('made', 0):,} pairs.", None)
    last = improvements.latest(conn)
    made = (last.pairs or {}) if last is not None else {}
    each = made["seconds"] / made["passages"] if made.get("passages") else PASSAGE_S
    means = (
        f"Questions about {new:,} passages not used yet, made without a language model."
        if new
        else "Every passage was used already."
    )
    return Step("Make pairs.", means, new * each)


def _weigh_step(conn: Connection, more: int, begun: Improvement | None) -> Step:
    name = "See what there is to gain."
    if begun is not None and begun.run_id is not None:
        return Step(name, "Done.", None)
    means = (
        f"The serving version answers about {_heldout(conn, more):,} held-out questions. Where"
        f" fewer than {FEWEST_TO_GAIN} could gain, nothing is trained."
    )
    return Step(name, means, _asking_s(conn))


def _train_step(choice: MethodChoice, begun: Improvement | None) -> Step:
    if begun is not None and begun.version is not None:
        return Step("Train a new version.", f"Done: {begun.version}.", None)
    minutes = choice.minutes(choice.method)
    label = LABELS[choice.method]
    if minutes is None:
        means = f"{label}, or more if this machine turns out to be fast enough."
        return Step("Train a new version.", means, MEASURE_S + UNKNOWN_S)
    return Step("Train a new version.", f"{label}: {choice.reason}", 60 * minutes)


def _compare_step(conn: Connection, more: int) -> Step:
    means = f"With the serving version, on about {_heldout(conn, more):,} held-out questions."
    return Step("Compare.", means, _asking_s(conn))


def _heldout(conn: Connection, more: int) -> int:
    """Questions to judge by, with those of the pairs still to be made."""
    there = sum(side.heldout for side in pairs.sides(conn))
    return there + round(more / TRAINED * (1 - TRAINED))


def _asking_s(conn: Connection) -> float:
    """Seconds to embed the windows with one model and to ask it the questions."""
    each = WINDOW_S
    last = next(iter(evaluations.list_all(conn, limit=1)), None)
    if last is not None and last.dataset == pairs.CORPUS:
        speed = _first_model(last.figures).get("timings", {})
        if speed.get("windows"):
            each = speed["index_s"] / speed["windows"]
    return COMPARE_S + methods.amount(conn).windows * each


def _first_model(figures: dict[str, Any]) -> dict[str, Any]:
    return next(iter(figures.get("models", [])), {})


def _promote_step(conn: Connection, choice: MethodChoice) -> Step:
    means = "Only if it is better. Visitors notice nothing, and you can roll back."
    seconds = LOAD_S + PROVE_S + SWITCH_S
    if choice.method != "query":
        base = methods.starting_point(conn)
        _, rate = plans.windows_per_s(conn, base)
        windows = methods.amount(conn).windows
        seconds += windows * (WINDOW_S if not rate else 1 / rate)
    return Step("Promote it.", means, seconds)
