"""From pairs to a registered version, by every method, through kills, on a tiny model."""

from __future__ import annotations

import fcntl
import json
import random
import resource
import shutil
import sys
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
import pytest

from pipelines.embedder import loading, model_files, registry
from pipelines.embedder.loading import EncoderOptions
from pipelines.embedder.local import LocalEncoder
from pipelines.errors import ArtifactError, AttuneError, ConflictError, InputError
from pipelines.progress import Stopped, Task
from pipelines.store import indexes, models, postings, question_words, runs
from pipelines.store.ids import RunId
from pipelines.versions import build, first
from tests.forking import CONTEXT
from tests.versions import load_handle
from training import run
from training.evaluation import candidates
from training.evaluation.candidates import Surroundings
from training.evaluation.corpus import load_corpus
from training.evaluation.rankings import Rules
from training.finetune import __main__ as finetune
from training.finetune import checkpoints
from training.finetune.fusing import LEAST, MOST
from training.finetune.launch import Machine
from training.finetune.options import METHODS, TrainOptions
from training.finetune.rundir import RunDir, read_lines
from training.finetune.words import Words
from training.pairs import material
from training.pairs.seedfile import SeedFile
from training.run import Folders

CPU = Machine(device="cpu", threads=1)
KILLS = 4
WORDS = [a + b for a in "abcdefghijklmnop" for b in "aeioun"]


def seed_file(passages: int = 20) -> SeedFile:
    """Passages of random words, with three questions each made of their passage's words."""
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
            manifest_sha256=model_files.Manifest.of(tiny_model).sha256,
        )
    return "base"


def new_run(pool, folders, base, **options) -> RunId:
    given = TrainOptions(batch_size=8, size_tokens=64, stride_tokens=48, **options)
    return run.create(pool, folders, base, material.material(seed_file(), None), given)


def child(folder: RunDir, largest_file: int = -1) -> ForkServerProcess:
    """A process that trains a run folder, as the launcher's would."""
    process = CONTEXT.Process(target=_train_in_child, args=(folder.path, largest_file))
    process.start()
    return process


def _train_in_child(folder: Path, largest_file: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    sys.argv = ["training.finetune", str(folder), "--device", "cpu"]
    finetune.main()


def _steps(folder: RunDir) -> list[int]:
    """The reported steps in every attempt."""
    if not folder.progress.is_file():
        return []
    return [row["step"] for row in read_lines(folder.progress) if row["loss"] is not None]


def train_here(folder: RunDir) -> None:
    """A run folder trained in this process: what the child does, at no start-up."""
    from training.finetune.__main__ import train

    train(folder, device="cpu")


@pytest.mark.parametrize("method", METHODS)
def test_each_method_makes_a_version_that_differs(pool, folders, base, tiny_model, method):
    """The model loads from the registry, verified, and no longer embeds like its base."""
    run_id = new_run(pool, folders, base, method=method, epochs=1, learning_rate=1e-2)
    train_here(folders.run(run_id))
    model = run.execute(pool, folders, run_id, CPU)
    assert (model.name, model.kind, model.dimension) == ("v1", method, 32)
    tuned = LocalEncoder(loading.model_folder(model), device="cpu")
    plain = LocalEncoder(tiny_model, device="cpu")
    text = ["ba ce di fo", "ga he jo ka"]
    queries = np.abs(tuned.encode_queries(text) - plain.encode_queries(text)).max()
    documents = np.abs(tuned.encode_documents(text) - plain.encode_documents(text)).max()
    assert queries > 1e-3
    assert (documents > 1e-3) == (method != "query")
    assert tuned.tokenizer == plain.tokenizer


@pytest.mark.long
def test_a_run_killed_again_and_again_ends_as_one_left_alone(pool, folders, base):
    """
    SIGKILL at random moments. Each attempt continues from a checkpoint, and one version results.
    """
    run_id = new_run(pool, folders, base, epochs=4, patience=99)
    folder = folders.run(run_id)
    chance = random.Random(0)
    for attempt in range(KILLS + 1):
        told = len(_steps(folder))
        last = checkpoints.last_complete(folder.checkpoints)
        process = child(folder)
        while process.is_alive() and len(_steps(folder)) == told:
            time.sleep(0.002)
        if attempt < KILLS:
            # A round of steps and its checkpoint take about 0.2 s: some kills come before, in or after it.
            time.sleep(chance.uniform(0, 0.4))
            process.kill()
        process.join()
        began = _steps(folder)[told:]
        assert not began or min(began) == 1 + (checkpoints.step_of(last) if last else 0)
        if folder.result.is_file():
            break
    model = run.execute(pool, folders, run_id, CPU)
    assert model.metrics["steps"] == 28
    with pool.connection() as conn:
        assert [m.name for m in models.list_all(conn)] == ["base", "v1"]


@pytest.mark.long
def test_a_torn_checkpoint_and_a_full_disk_cost_only_what_came_after(pool, folders, base):
    """
    A truncated checkpoint is skipped. A full disk ends in one sentence. Resumed, nothing is
    missing.
    """
    run_id = new_run(pool, folders, base, epochs=4, patience=99)
    folder = folders.run(run_id)
    process = child(folder)
    while process.is_alive() and not list(folder.checkpoints.glob("*/complete.json")):
        time.sleep(0.002)
    process.kill()
    process.join()
    newest = checkpoints.last_complete(folder.checkpoints)
    assert newest is not None
    step = checkpoints.step_of(newest)
    torn = folder.checkpoints / f"checkpoint-{step + 1}"
    shutil.copytree(newest, torn)
    with (torn / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    full = child(folder, largest_file=50_000)
    full.join()
    assert full.exitcode == 1
    failure = json.loads(folder.error.read_text())
    assert failure["kind"] == "disk"
    assert "is full" in failure["message"]
    assert checkpoints.last_complete(folder.checkpoints) == newest
    assert list(folder.checkpoints.glob("checkpoint-*")) == [newest]
    told: list[int] = []
    task = Task(lambda at: told.append(at.done) if "loss" in at.figures else None)
    model = run.execute(pool, folders, run_id, CPU, task)
    assert min(told) > step
    # The last word is of the checkpoint that was kept, which often is not the newest one.
    *_, last = read_lines(folder.progress)
    assert last["evaluation"]["heldout_ndcg@10"] == round(model.metrics["heldout_ndcg@10"], 4)
    assert model.metrics["steps"] == 28
    assert run.execute(pool, folders, run_id, CPU) == model
    with pool.connection() as conn:
        row = runs.get(conn, run_id)
        assert row is not None
        assert (row.status, row.model_id) == ("done", model.id)
        assert [m.name for m in models.list_all(conn)] == ["base", "v1"]


@pytest.mark.long
def test_a_stopped_run_ends_in_seconds_and_can_go_on(pool, folders, base):
    """
    Its processes end, it is marked as interrupted, and nothing is registered until it is resumed.
    """
    run_id = new_run(pool, folders, base, epochs=200, patience=999)
    folder = folders.run(run_id)
    asked: list[float] = []

    def stop() -> bool:
        if asked or list(folder.checkpoints.glob("*/complete.json")):
            asked.append(time.monotonic())
        return bool(asked)

    with pytest.raises(Stopped):
        run.execute(pool, folders, run_id, CPU, Task(is_stopping=stop))
    assert time.monotonic() - asked[0] < 30
    with pool.connection() as conn:
        row = runs.get(conn, run_id)
        assert row is not None
        assert (row.status, row.error, row.model_id) == ("interrupted", None, None)
    with folder.lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # no process works in the folder
    assert checkpoints.last_complete(folder.checkpoints) is not None


@pytest.mark.long
def test_two_processes_train_one_model(pool, folders, base):
    """Gloo on a CPU, through the launcher, as several GPUs would."""
    run_id = new_run(pool, folders, base, epochs=1)
    model = run.execute(pool, folders, run_id, Machine("cpu", processes=2, threads=1))
    assert model.metrics["steps"] == 3


@pytest.mark.long
def test_a_failing_run_says_why_and_can_be_resumed(pool, folders, base):
    """A fault of the training process is reported in one sentence, and the run can continue."""
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
    found = material.material(seed_file(), None)
    sides = [{p for q in side for p in q.passages} for side in (found.train, found.heldout)]
    assert sides[1]
    assert not sides[0] & sides[1]
    with pytest.raises(InputError, match="shares 20 passages and 60 questions"):
        material.material(seed_file(), seed_file())


def test_deleted_and_exported_versions(pool, folders, base, tmp_path):
    """
    Files are deleted with their last version. A changed file is noticed. A version in use stays.
    """
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
    """The same files get the same place. A damaged copy is refused."""
    kept, sha256 = model_files.put(tiny_model, tmp_path)
    assert kept.name == sha256 == model_files.Manifest.of(kept).sha256
    assert model_files.put(tiny_model, tmp_path) == (kept, sha256)
    assert [path.name for path in tmp_path.iterdir()] == [sha256]
    with (kept / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(ArtifactError, match="damaged"):
        model_files.put(tiny_model, tmp_path)


def test_words_score_as_the_database_does(pool, tiny_model, tmp_path):
    """Training weighs BM25 by the scores that search will have."""
    texts = {
        "a": "The revenue of 2021 was $17,455 million, as revenues rose.",
        "b": "Drivers and riders meet; the riders' revenue is not counted. " * 3,
        "c": "Nothing of the kind.",
    }
    options = EncoderOptions(cache=tmp_path)
    with pool.connection() as conn:
        first.ensure_first(conn, str(tiny_model), options, size=32, stride=24, lexical_weight=0.5)
        handle = load_handle(conn, options)
        ids = load_corpus(conn, handle, texts, language="en", source="")
        for question in ("What was the revenue in 2021?", "riders' rising revenues", "zebra"):
            asked = question_words.question(conn, question)
            stored = postings.scores(conn, asked, [ids[name] for name in texts])
            found = Words(list(texts.values()), "en").scores(question)
            assert np.allclose(found, stored), question


def test_a_version_brings_its_own_share_of_bm25(pool, folders, tiny_model, tmp_path):
    """Chosen when it is trained, kept with it, and used where it is evaluated and built."""
    options = EncoderOptions(cache=tmp_path)
    with pool.connection() as conn:
        first.ensure_first(conn, str(tiny_model), options, size=64, stride=48, lexical_weight=0.6)
    run_id = new_run(pool, folders, "base", method="adapter", epochs=1, learning_rate=1e-2)
    assert folders.run(run_id).read_settings().lexical_weight == 0.6
    train_here(folders.run(run_id))
    model = run.execute(pool, folders, run_id, CPU)
    share = model.settings["lexical_weight"]
    assert LEAST <= share <= MOST
    around = Surroundings(Rules(64, 48, 0.1), options, folders)
    assert candidates.registered(model, around).rules.lexical_weight == share
    with pool.connection() as conn:
        index = indexes.get(conn, build.create(conn, model, "tokenizer"))
        assert index.lexical_weight == share
