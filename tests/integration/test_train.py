"""From pairs to a registered version, by every method, through kills, on a tiny model."""

from __future__ import annotations

import fcntl
import json
import random
import resource
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from pipelines import artifacts, registry, reindex
from pipelines.build import Stopped
from pipelines.encoder import LocalEncoder
from pipelines.errors import ArtifactError, AttuneError, ConflictError, InputError
from pipelines.store import models, runs
from pipelines.store.ids import RunId
from training import checkpoints, run
from training.launch import Machine, command
from training.options import METHODS, TrainOptions
from training.run import Folders
from training.rundir import RunDir
from training.seedfile import SeedFile

CPU = Machine(device="cpu", threads=1)
WORDS = [a + b for a in "abcdefghijklmnop" for b in "aeioun"]


def seed_file(passages: int = 20) -> SeedFile:
    """Passages of random words; three questions each, made of their passage's own words."""
    draw = random.Random(0)
    corpus = {f"p{i}": " ".join(draw.choices(WORDS, k=90)) for i in range(passages)}
    queries, relevant = {}, {}
    for i in range(passages):
        words = corpus[f"p{i}"].split()
        for k in range(3):
            queries[f"q{i}-{k}"] = " ".join(words[5 * k : 5 * k + 5])
            relevant[f"q{i}-{k}"] = [f"p{i}"]
    return SeedFile(queries, corpus, relevant)


@pytest.fixture
def folders(tmp_path) -> Folders:
    return Folders.under(tmp_path)


@pytest.fixture
def base(pool, tiny_model) -> str:
    with pool.connection() as conn:
        models.add(
            conn,
            name="base",
            base=str(tiny_model),
            kind="base",
            dimension=32,
            artefact=str(tiny_model),
            manifest_sha256=artifacts.Manifest.of(tiny_model).sha256,
        )
    return "base"


def new_run(pool, folders, base, **options) -> RunId:
    given = TrainOptions(batch_size=8, size_tokens=64, stride_tokens=48, **options)
    return run.create(pool, folders, base, run.material(seed_file(), None), given)


def child(folder: RunDir, largest_file: int = -1) -> subprocess.Popen[bytes]:
    """The training process itself, without the launcher's own start-up."""
    line = command(folder, CPU)
    line = [line[0], *line[line.index("-m", 3) :]]
    return subprocess.Popen(
        line,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file)),
    )


def train_here(folder: RunDir) -> None:
    """A run folder trained in this process: what the child does, at no start-up."""
    from training.finetune import train

    train(folder, device="cpu")


@pytest.mark.parametrize("method", METHODS)
def test_each_method_makes_a_version_that_differs(pool, folders, base, tiny_model, method):
    """The model loads from the registry, verified, and no longer embeds like its base."""
    run_id = new_run(pool, folders, base, method=method, epochs=1, learning_rate=1e-2)
    train_here(folders.run(run_id))
    model = run.execute(pool, folders, run_id, CPU)
    assert (model.name, model.kind, model.dimension) == ("v1", method, 32)
    tuned = LocalEncoder(reindex.model_folder(model), device="cpu")
    plain = LocalEncoder(tiny_model, device="cpu")
    text = ["ba ce di fo", "ga he jo ka"]
    queries = np.abs(tuned.encode_queries(text) - plain.encode_queries(text)).max()
    documents = np.abs(tuned.encode_documents(text) - plain.encode_documents(text)).max()
    assert queries > 1e-3
    assert (documents > 1e-3) == (method != "query")
    assert tuned.tokenizer == plain.tokenizer


def test_a_killed_run_goes_on_from_its_checkpoint(pool, folders, base):
    """SIGKILL, a half-written checkpoint on top, a full disk: same number of steps, one version."""
    run_id = new_run(pool, folders, base, epochs=4, patience=99)
    folder = folders.run(run_id)
    process = child(folder)
    while process.poll() is None and not list(folder.checkpoints.glob("*/complete.json")):
        pass
    process.kill()
    process.wait()
    assert not folder.model.exists()
    newest = checkpoints.last_complete(folder.checkpoints)
    assert newest is not None
    step = checkpoints.step_of(newest)
    torn = folder.checkpoints / f"checkpoint-{step + 1}"
    shutil.copytree(newest, torn)
    with (torn / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    full = child(folder, largest_file=50_000)
    assert full.wait() == 1
    failure = json.loads(folder.error.read_text())
    assert failure["kind"] == "disk"
    assert "is full" in failure["message"]
    assert checkpoints.last_complete(folder.checkpoints) == newest
    assert list(folder.checkpoints.glob("checkpoint-*")) == [newest]
    told: list[int] = []
    model = run.execute(
        pool, folders, run_id, CPU, lambda p: told.append(p.step) if p.loss is not None else None
    )
    assert min(told) > step
    assert model.metrics["steps"] == 28
    assert run.execute(pool, folders, run_id, CPU) == model
    with pool.connection() as conn:
        row = runs.get(conn, run_id)
        assert row is not None
        assert (row.status, row.model_id) == ("done", model.id)
        assert [m.name for m in models.list_all(conn)] == ["base", "v1"]


def test_a_stopped_run_ends_in_seconds_and_can_go_on(pool, folders, base):
    """Its processes end, it stands as interrupted, and nothing is registered until it is resumed."""
    run_id = new_run(pool, folders, base, epochs=200, patience=999)
    folder = folders.run(run_id)
    asked: list[float] = []

    def stop() -> bool:
        if asked or list(folder.checkpoints.glob("*/complete.json")):
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Stopped):
        run.execute(pool, folders, run_id, CPU, stop=stop)
    assert time.monotonic() - asked[0] < 10
    with pool.connection() as conn:
        row = runs.get(conn, run_id)
        assert row is not None
        assert (row.status, row.error, row.model_id) == ("interrupted", None, None)
    with folder.lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # no process works in the folder
    assert checkpoints.last_complete(folder.checkpoints) is not None


def test_two_processes_train_one_model(pool, folders, base):
    """Gloo on a CPU, through the launcher, as several GPUs would."""
    run_id = new_run(pool, folders, base, epochs=1)
    model = run.execute(pool, folders, run_id, Machine("cpu", processes=2, threads=1))
    assert model.metrics["steps"] == 3


def test_a_failing_run_says_why_and_can_be_resumed(pool, folders, base):
    """A fault of the training process ends in one sentence, and the run goes on after it."""
    run_id = new_run(pool, folders, base, epochs=1)
    folder = folders.run(run_id)
    folder.checkpoints.symlink_to("/dev/full")
    with pytest.raises(AttuneError):
        run.execute(pool, folders, run_id, CPU)
    with pool.connection() as conn:
        row = runs.get(conn, run_id)
    assert row is not None
    assert row.status == "failed"
    assert row.error
    assert "\n" not in row.error
    folder.checkpoints.unlink()
    train_here(folder)
    assert run.execute(pool, folders, run_id, CPU).name == "v1"


def test_nothing_is_trained_on_what_is_held_out(pool, folders, base):
    """No passage is on both sides, neither by the split nor in files of one's own."""
    found = run.material(seed_file(), None)
    sides = [{p for q in side for p in q.passages} for side in (found.train, found.heldout)]
    assert sides[1]
    assert not sides[0] & sides[1]
    with pytest.raises(InputError, match="shares 20 passages and 60 questions"):
        run.material(seed_file(), seed_file())


def test_deleted_and_exported_versions(pool, folders, base, tmp_path):
    """Files go with their last version; a changed file is noticed; a version in use stays."""
    run_id = new_run(pool, folders, base, method="adapter", epochs=1)
    train_here(folders.run(run_id))
    model = run.execute(pool, folders, run_id, CPU)
    assert model.artefact is not None
    out = registry.export(model, tmp_path / "out", card="# Mine\n")
    assert (out / "README.md").read_text() == "# Mine\n"
    assert LocalEncoder(out, device="cpu").dimension == 32
    with pytest.raises(InputError, match="exists already"):
        registry.export(model, out)
    with pool.connection() as conn:
        with pytest.raises(ConflictError):
            registry.delete(conn, "base", folders.models)
        registry.delete(conn, "v1", folders.models)
        assert models.by_name(conn, "v1") is None
    assert not Path(model.artefact).exists()


def test_kept_files_are_named_by_their_content(tiny_model, tmp_path):
    """The same files get the same place; a damaged copy is refused."""
    kept, sha256 = artifacts.put(tiny_model, tmp_path)
    assert kept.name == sha256 == artifacts.Manifest.of(kept).sha256
    assert artifacts.put(tiny_model, tmp_path) == (kept, sha256)
    assert [path.name for path in tmp_path.iterdir()] == [sha256]
    with (kept / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(ArtifactError, match="damaged"):
        artifacts.put(tiny_model, tmp_path)
