"""
A fine-tuning run from pairs to a registered version.

`create` writes the run folder and its row. `execute` trains, keeps the files and registers the
model. A run can be executed again after any failure: training continues from its last complete
checkpoint, and one run registers one model.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from psycopg.errors import UniqueViolation

from pipelines.embedder import loading, model_files, registry
from pipelines.embedder.copies import Copies
from pipelines.errors import ConflictError, InputError, NotReadyError
from pipelines.progress import NO_TASK, Progress, Stopped, Task
from pipelines.store import active, db, indexes, models, runs
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import ModelId, RunId
from pipelines.store.models import Model
from pipelines.store.runs import Run
from pipelines.system.locks import exclusive
from training import known_vectors, travelling
from training.finetune import launch
from training.finetune.card import model_card
from training.finetune.launch import Machine
from training.finetune.options import TrainOptions
from training.finetune.rundir import RunDir, RunSettings, read_lines
from training.pairs.material import Material

# How often the database hears of progress.
STORE_EVERY_S = 2.0


@dataclass(frozen=True)
class Folders:
    """
    Where runs work, where the files of finished models are kept, and accelerated models.

    With `travel`, the database keeps what runs learn from, so that any machine can execute them.
    """

    runs: Path
    models: Path
    cache: Path
    travel: bool = False

    @classmethod
    def under(cls, home: Path, *, travel: bool = False) -> Folders:
        """Their places in the data folder."""
        return cls(home / "runs", home / "models", home / "cache", travel)

    def run(self, run_id: RunId) -> RunDir:
        """The folder of a run."""
        return RunDir(self.runs / str(run_id))


def base_model(conn: Connection, name: str, store: Copies | None = None) -> tuple[Model, Path]:
    """
    The registered model to start from, and its files.

    :param store: This machine's copies of what others share.
    :raises InputError: There is none of that name, or it has no files to train.
    """
    model = registry.find(conn, name)
    if model.kind == "openai":
        raise InputError(f"{name} is an API, {model.base}; only models with files can be trained.")
    return model, loading.model_folder(model, store)


def _lexical_weight(conn: Connection, base: Model) -> float | None:
    """
    BM25's share in the score where the base is or would be searched, or None if nothing serves.
    """
    own = base.settings.get("lexical_weight")
    if own is not None:
        return float(own)
    index = indexes.of_model(conn, base.id)
    pointer = active.get(conn)
    if index is None and pointer is not None:
        index = indexes.get(conn, pointer.index_id)
    return None if index is None else index.lexical_weight


def create(
    pool: Pool,
    folders: Folders,
    base_name: str,
    found: Material,
    options: TrainOptions,
    *,
    name: str = "",
    created_by: str = "system",
) -> RunId:
    """
    A new run, ready to be executed.

    :param name: What its model will be called. If empty, the next free v1, v2, ...
    :raises InputError: There is no such base.
    :raises ConflictError: The name is taken.
    """
    with pool.connection() as conn, conn.transaction():
        if name and models.by_name(conn, name) is not None:
            raise ConflictError(f"There is a version {name!r} already.")
        base, folder = base_model(conn, base_name, copies_of(pool, folders))
        settings = {
            "base_id": base.id,
            "base": base.name,
            "options": options.as_json(),
            "pairs": len(found.train),
            "heldout": len(found.heldout),
            "passages": len(found.corpus),
            "wrong": found.wrong,
        }
        run_id = runs.add(conn, name=name, settings=settings, created_by=created_by)
        sha256 = base.manifest_sha256 or model_files.Manifest.of(folder).sha256
        run = RunSettings(
            str(run_id),
            str(folder),
            base.base,
            sha256,
            options,
            twins=str(folders.cache),
            lexical_weight=_lexical_weight(conn, base),
        )
        folders.run(run_id).write_inputs(run, found.corpus, found.train, found.heldout)
        if folders.travel:
            travelling.send(conn, run_id, folders.run(run_id))
        known_vectors.give(conn, folders.run(run_id), base, list(found.corpus))
    return run_id


def execute(
    pool: Pool,
    folders: Folders,
    run_id: RunId,
    machine: Machine,
    task: Task = NO_TASK,
) -> Model:
    """
    Train or continue training, and register the model.

    :raises InputError: There is no such run, or it cannot be done as asked.
    :raises ConflictError: Another process executes it.
    :raises Stopped: The task was asked to stop. The run is interrupted, and can be executed again.
    """
    with pool.connection() as conn:
        row = runs.get(conn, run_id)
    folder = folders.run(run_id)
    if row is None:
        raise InputError(f"There is no run {run_id}.")
    if row.model_id is not None:
        return _model(pool, row.model_id)
    if not folder.settings.is_file():
        _bring(pool, folders, row)
    busy = f"Another process executes the run in {folder.path}."
    with exclusive(folder.owner, busy):
        try:
            with pool.connection() as conn:
                runs.mark_running(conn, run_id)
            if not folder.result.is_file():
                launch.train(folder, machine, _storing(pool, run_id, task))
            return _model(pool, _register(pool, folders, run_id))
        except Stopped:
            _ended(pool, run_id, "interrupted", None)
            raise
        except Exception as error:
            _ended(pool, run_id, "failed", str(error))
            raise
        except BaseException:  # interrupted by a person or by the system
            _ended(pool, run_id, "interrupted", None)
            raise


def _bring(pool: Pool, folders: Folders, run: Run) -> None:
    """
    Fetch the inputs of a run that was created on another machine.

    :raises NotReadyError: They are neither here nor in the database.
    """
    folder = folders.run(run.id)
    with pool.connection() as conn:
        if not travelling.bring(conn, run.id, folder):
            raise NotReadyError(f"The files of run {run.id} are not in {folder.path}.")
        base = models.get(conn, ModelId(run.settings["base_id"]))
    if base is None:
        raise InputError(f"The version that run {run.id} starts from was deleted.")
    files = loading.model_folder(base, copies_of(pool, folders))
    folder.move_settings(base=str(files), twins=str(folders.cache))


def copies_of(pool: Pool, folders: Folders) -> Copies:
    """This machine's copies of versions' files."""
    return Copies(folders.models, db.address(pool))


def _register(pool: Pool, folders: Folders, run_id: RunId) -> ModelId:
    """
    Keep the files and add the model, once.

    :returns: The model's id.
    """
    folder = folders.run(run_id)
    settings = folder.read_settings()
    metrics = _metrics(folder)
    dimension = metrics.pop("dimension")
    made_by = {"run": run_id, **settings.options.as_json()}
    if "lexical_weight" in metrics:
        made_by["lexical_weight"] = metrics.pop("lexical_weight")
    prompts = json.loads((folder.model / "config_sentence_transformers.json").read_text("utf-8"))
    title = f"Tuned from {settings.base_name}"
    chosen_by = {name: value for name, value in metrics.items() if "heldout_" in name}
    card = model_card(title, settings.base_name, made_by, None, training=chosen_by)
    (folder.model / "README.md").write_text(card, encoding="utf-8")
    kept, sha256 = model_files.put(folder.model, folders.models)
    with pool.connection() as conn, conn.transaction():
        row = runs.lock(conn, run_id)
        assert row is not None
        if row.model_id is not None:
            return row.model_id
        name = row.name or models.next_name(conn)
        try:
            model_id = models.add(
                conn,
                name=name,
                base=settings.base_name,
                kind=settings.options.method,
                dimension=dimension,
                prompts=prompts.get("prompts", {}),
                artefact=str(kept),
                manifest_sha256=sha256,
                settings=made_by,
                metrics=metrics,
                parent_id=row.settings["base_id"],
                created_by=row.created_by,
            )
        except UniqueViolation:
            raise ConflictError(f"There is a version {name!r} already.") from None
        runs.mark_done(conn, run_id, model_id)
        travelling.forget(conn, run_id)
    # What the store keeps, and what can be made again, need not lie here too.
    shutil.rmtree(folder.model)
    folder.windows.unlink(missing_ok=True)
    folder.known.unlink(missing_ok=True)
    return model_id


def _metrics(folder: RunDir) -> dict[str, Any]:
    """The run's own figures, with what they were made of."""
    result: dict[str, Any] = json.loads(folder.result.read_text(encoding="utf-8"))
    counts = {
        "pairs": sum(1 for _ in read_lines(folder.train)),
        "wrong": sum(len(row.get("wrong", ())) for row in read_lines(folder.train)),
        "heldout": sum(1 for _ in read_lines(folder.heldout)),
        "passages": sum(1 for _ in read_lines(folder.corpus)),
    }
    return counts | result


def _storing(pool: Pool, run_id: RunId, task: Task) -> Task:
    """The task, which tells the database as well, every few seconds and at each change of stage."""
    last: tuple[str, float] = ("", 0.0)

    def tell(progress: Progress) -> None:
        nonlocal last
        task.tell(progress)
        now = time.monotonic()
        if progress.stage == last[0] and now - last[1] < STORE_EVERY_S:
            return
        last = (progress.stage, now)
        with pool.connection() as conn:
            runs.set_progress(conn, run_id, asdict(progress))

    return task.telling(tell)


def _ended(pool: Pool, run_id: RunId, status: str, error: str | None) -> None:
    with pool.connection() as conn:
        runs.mark_ended(conn, run_id, status, error)


def _model(pool: Pool, model_id: ModelId) -> Model:
    with pool.connection() as conn:
        model = models.get(conn, model_id)
    assert model is not None
    return model
