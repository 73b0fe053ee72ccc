"""
Fine-tuning: pairs a second beside the library's trainer as it comes, and the adapter's whole run.

Both trainers see the same pairs at the same batch size, learning rate and seed. The plain one is
given whole passages, which the encoder cuts at its 256 tokens, and the library's ranking loss.

`python -m bench.training quality` trains both to the end and compares them on held-out questions:
about half an hour on two cores.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines import artifacts
from training import launch, run, seedfile
from training.launch import Machine
from training.options import TrainOptions
from training.rundir import RunDir, RunSettings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "qa" / "finance_10k" / "train.json"
STEPS = 5


def rows() -> list[dict[str, Any]]:
    """Speed of `full` as a ratio, steps of both trainers in turn; seconds of `adapter`. None without the data."""
    if not DATA.is_file():
        return []
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        run_dir, seconds = adapter_run(Path(folder) / "run")
        plain, ours = step_times(run_dir, Path(folder))
    pairs = TrainOptions().batch_size
    ratio = statistics.median(plain) / statistics.median(ours)
    how = (
        f"median of {STEPS} steps of {pairs} pairs in turn: {pairs / statistics.median(ours):.1f}"
        f" against {pairs / statistics.median(plain):.1f} pairs/s"
    )
    return [
        {
            "name": "training: full, pairs/s against a plain SentenceTransformerTrainer",
            "value": round(ratio, 2),
            "unit": "x",
            "goal": 1.5,
            "better": "higher",
            "how": how,
        },
        {
            "name": "training: adapter, from pairs to model",
            "value": round(seconds, 1),
            "unit": "s",
            "goal": 60.0,
            "better": "lower",
            "how": "finance_10k train, 668 questions; with starting the process and embedding all windows",
        },
    ]


def adapter_run(folder: Path) -> tuple[RunDir, float]:
    """A finished run of `adapter`, and the seconds that it took."""
    run_dir = write_run(folder, TrainOptions(method="adapter"))
    started = time.perf_counter()
    launch.train(run_dir, Machine(device="cpu"), lambda _: None)
    return run_dir, time.perf_counter() - started


def write_run(folder: Path, options: TrainOptions) -> RunDir:
    """A run folder of the seed's training questions."""
    base = artifacts.bundled_model()
    found = run.material(seedfile.read(DATA), None)
    settings = RunSettings(
        "bench", str(base), artifacts.BUNDLED, artifacts.Manifest.of(base).sha256, options
    )
    run_dir = RunDir(folder)
    run_dir.write_inputs(settings, found.corpus, found.train, found.heldout)
    return run_dir


def step_times(run_dir: RunDir, scratch: Path) -> tuple[list[float], list[float]]:
    """Seconds of the plain trainer's steps, and of ours, one after the other."""
    trainers = [plain_trainer(run_dir, scratch / "plain"), our_trainer(run_dir, scratch / "ours")]
    steps = [stepper(trainer) for trainer in trainers]
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(STEPS + 1):
        for step, kept in zip(steps, times, strict=True):
            started = time.perf_counter()
            step()
            if number:  # the first one allocates
                kept.append(time.perf_counter() - started)
    return times


def stepper(trainer: Any) -> Callable[[], None]:
    """One optimiser step on the trainer's next batch."""
    trainer.create_optimizer()
    trainer.model.train()
    batches = iter(trainer.get_train_dataloader())

    def step() -> None:
        loss = trainer.compute_loss(trainer.model, next(batches))
        loss.backward()
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()

    return step


def our_trainer(run_dir: RunDir, scratch: Path) -> Any:
    """The trainer of `full`, on the vectors that the adapter's run left."""
    from training import networks, prepare
    from training.progress import Reporter
    from training.trainer import build_trainer

    settings = run_dir.read_settings()
    base = Path(settings.base)
    options = replace(TrainOptions.from_json(settings.options.as_json()), method="full")
    options = replace(options, epochs=None, learning_rate=None)
    prepared = prepare.load(run_dir, base, device="cpu", report=lambda done, total: None)
    model = networks.load_base(base, "cpu")
    networks.prepare_network(model, options)
    report = Reporter(scratch.with_suffix(".progress"), lead=False)
    return build_trainer(scratch, model, prepared, options, report, device="cpu")


def plain_trainer(run_dir: RunDir, scratch: Path) -> Any:
    """The library's trainer and ranking loss on questions and whole passages."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from training import networks

    options = TrainOptions(method="full")
    corpus = run_dir.read_corpus()
    pairs = [
        (q.text, corpus[passage])
        for q in run_dir.read_questions(run_dir.train)
        for passage in q.passages
    ]
    model = networks.load_base(Path(run_dir.read_settings().base), "cpu")
    return SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(scratch),
            per_device_train_batch_size=options.batch_size,
            num_train_epochs=options.resolved_epochs,
            learning_rate=options.resolved_learning_rate,
            warmup_steps=options.warmup,
            seed=options.seed,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            save_strategy="no",
        ),
        train_dataset=Dataset.from_dict(
            {"question": [q for q, _ in pairs], "passage": [p for _, p in pairs]}
        ),
        loss=MultipleNegativesRankingLoss(model),
    )


def quality() -> dict[str, Any]:
    """Both trained to the end: held-out figures over all windows, pairs/s, and the base's figures."""
    from training import prepare
    from training.heldout import figures

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        run_dir, _ = adapter_run(Path(folder) / "run")
        base = Path(run_dir.read_settings().base)
        prepared = prepare.load(run_dir, base, device="cpu", report=lambda done, total: None)
        gold = [prepared.gold[q] for q in prepared.heldout]
        windows = prepared.windows
        asked = windows.questions[prepared.heldout]
        found["base"] = figures(asked @ windows.vectors.T, windows.passage, gold)
        for name, build in (("plain", plain_trainer), ("full", our_trainer)):
            trainer = build(run_dir, Path(folder) / name)
            speed = trainer.train().metrics["train_samples_per_second"]
            asked, vectors = (
                encode(texts, normalize_embeddings=True, show_progress_bar=False)
                for encode, texts in (
                    (trainer.model.encode_query, [prepared.questions[q] for q in prepared.heldout]),
                    (trainer.model.encode_document, windows.texts),
                )
            )
            found[name] = figures(asked @ vectors.T, windows.passage, gold) | {"pairs/s": speed}
            print(json.dumps({name: found[name]}), flush=True)
    return found


if __name__ == "__main__":
    if sys.argv[1:] == ["quality"]:
        print(json.dumps(quality(), indent=1))
    else:
        for line in rows():
            print(f"{line['value']:8}  {line['unit']:3} {line['name']}  ({line['how']})")
