"""Training runs: what they learn from, what they would take here, and carrying them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.actions import methods, versions
from app.actions.methods import MethodChoice
from app.services import Services
from pipelines.progress import NO_TASK, Task
from pipelines.store.ids import RunId
from pipelines.store.models import Model
from training import run
from training.finetune.launch import Machine
from training.finetune.options import Method, TrainOptions
from training.pairs import seedfile, stored
from training.pairs.material import Material

if TYPE_CHECKING:
    from training.finetune.preflight import Preflight


@dataclass(frozen=True)
class PairFiles:
    """
    Files to train on instead of the stored pairs.

    :param heldout: Questions never trained on. Without it, a tenth of `pairs` is held out for validation.
    :param offline: Questions to add for each passage, made without a language model.
    """

    pairs: Path
    heldout: Path | None = None
    offline: int = 0


@dataclass(frozen=True)
class RunRequest:
    """
    What a person asks of a new run.

    :param files: Files to train on. Without them, the stored pairs are used.
    :param base: Version to start from. If empty, the one that the serving version began with.
    :param method: Without it, the recommended method.
    :param settings: Other fields of `TrainOptions` that were chosen.
    """

    files: PairFiles | None = None
    base: str = ""
    method: Method | None = None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunPlan:
    """A run that can be created: its base, what it learns from, and how."""

    base: str
    material: Material
    options: TrainOptions
    advice: MethodChoice | None


def plan(services: Services, request: RunRequest, with_what: Machine | None = None) -> RunPlan:
    """
    Check a request and settle what it leaves open.

    :param with_what: The machine to advise a method for. Without it there is no advice, and the
        whole encoder is trained unless a method was chosen.
    :raises InputError: There is nothing to learn from, or a setting cannot be used.
    """
    found = learned_from(services, request.files, seed=request.seed)
    base = check_base(services, request.base)
    method, advice = request.method, None
    if with_what is not None:
        own = None if request.files is None else found
        advice = methods.advise(services, with_what, base, method, own)
        method = advice.method
    chosen = options(services, method=method or "full", seed=request.seed, **request.settings)
    return RunPlan(base, found, chosen, advice)


def options(services: Services, **chosen: Any) -> TrainOptions:
    """
    The settings of a run: what was chosen, with the windows that new versions are built with.

    :raises InputError: They do not fit together.
    """
    settings = services.settings
    return TrainOptions(
        size_tokens=settings.window_tokens, stride_tokens=settings.window_stride, **chosen
    )


def learned_from(
    services: Services,
    files: PairFiles | None = None,
    *,
    generators: Sequence[str] | None = None,
    seed: int = 0,
) -> Material:
    """
    What a run learns from: the stored pairs, or those of files.

    :param generators: Only the stored pairs that these made. Without it, all of them.
    :raises InputError: There are none, or a file cannot be used.
    """
    if files is None:
        with services.pool.connection() as conn:
            return stored.material(conn, generators=generators, seed=seed)
    from training.pairs import material

    heldout = None if files.heldout is None else seedfile.read(files.heldout)
    pairs = seedfile.read(files.pairs)
    return material.material(pairs, heldout, seed=seed, offline=files.offline)


def check_base(services: Services, name: str) -> str:
    """
    The name of the version to start from.

    :param name: Empty for the one that the serving version began with.
    :raises InputError: There is no such version, or it has no files to train.
    """
    with services.pool.connection() as conn:
        name = name or methods.starting_point(conn).name
        run.base_model(conn, name, services.options.models)
    return name


def warnings(found: Material) -> list[str]:
    """What the number of questions does not allow, in sentences."""
    from training.finetune import preflight

    return preflight.few_pairs(found)


def probe(
    services: Services,
    base: str,
    found: Material,
    chosen: TrainOptions,
    task: Task = NO_TASK,
    *,
    processes: int = 1,
) -> Preflight:
    """What a run would take on this machine. Nothing is kept but how fast the machine is."""
    with services.pool.connection() as conn:
        model, folder = run.base_model(conn, base, services.options.models)
    from training.finetune import preflight  # which loads torch; a worker does when a job needs it

    with_what = methods.machine(services, processes)
    report, speed = preflight.probe(folder, found, chosen, with_what, task)
    if not chosen.freeze_layers:  # else it is not what runs take in general
        methods.keep(services, model, with_what, speed)
    return report


def create(
    services: Services,
    base: str,
    found: Material,
    chosen: TrainOptions,
    *,
    name: str = "",
    who: str = "system",
) -> RunId:
    """A new run, ready to be executed. See `training.run.create`."""
    folders = services.folders
    return run.create(services.pool, folders, base, found, chosen, name=name, created_by=who)


def train(services: Services, run_id: RunId, task: Task = NO_TASK, *, processes: int = 1) -> Model:
    """Execute a run or resume it, and return the model. See `training.run.execute`."""
    folders = services.folders
    with_what = methods.machine(services, processes)
    model = run.execute(services.pool, folders, run_id, with_what, task)
    versions.share(services, model)
    return model
