"""
Fine-tuning: pairs per second compared with the library's trainer unchanged, and a run of the
adapter.

Both trainers see the same pairs with the same batch size, learning rate and seed. The library's
trainer gets whole passages, which the encoder cuts at its 256 tokens, and the library's ranking
loss.

Both are also trained to the end on half of the questions, split by passage, and compared on the
other half, which takes about six minutes on two cores. They count as equal unless the 95% interval
of the difference lies below zero, as at the gate before a promotion.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.embedder import build_twin, cpu_twin, model_files
from training.evaluation.figures.statistics import compare, words
from training.finetune import launch, prepare
from training.finetune.heldout import HIT, NDCG, by_question
from training.finetune.launch import Machine
from training.finetune.options import TrainOptions
from training.finetune.prepare import TrainingData
from training.finetune.rundir import RunDir, RunSettings
from training.pairs import seedfile, split
from training.pairs.clusters import clusters

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "qa" / "finance_10k" / "train.json"
STEPS = 5


def rows() -> list[dict[str, Any]]:
    """
    Speed of `full` as a ratio, the results of both trainers after a run, and seconds of `adapter`.

    Steps of the two trainers alternate. No rows without the data.
    """
    if not DATA.is_file():
        return []
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as name:
        folder = Path(name)
        run_dir, alone_s = adapter_run(folder / "alone")
        twins = folder / "cache"
        build_twin.build_in_child(
            model_files.bundled_model(),
            cpu_twin.folder_for(twins, run_dir.read_settings().base_sha256),
            window_texts(run_dir),
        )
        _, twin_s = adapter_run(folder / "beside", twins)
        plain, ours = step_times(run_dir, folder)
        reached = quality(folder)
    pairs = TrainOptions().resolved_batch_size
    ratio = statistics.median(plain) / statistics.median(ours)
    base, plain_one, full_one = (reached[name] for name in ("base", "plain", "full"))
    cluster = clusters([gold.tolist() for gold in reached["gold"]])
    gain = compare(full_one[NDCG], plain_one[NDCG], cluster)
    what = "finance_10k train, 668 questions; with starting the process and embedding all windows"
    return [
        row(
            "full, pairs/s against a plain SentenceTransformerTrainer",
            round(ratio, 2),
            "x",
            2.0,
            f"median of {STEPS} steps of {pairs} pairs in turn:"
            f" {pairs / statistics.median(ours):.1f} against"
            f" {pairs / statistics.median(plain):.1f} pairs/s",
        ),
        row(
            "full, held-out NDCG@10 above the plain trainer's, upper end of the interval",
            round(gain.high, 3),
            "",
            0.0,
            f"both trained to the end on half of the questions; of the other {len(full_one[NDCG])},"
            f" searched by windows, {full_one[NDCG].mean():.3f} against"
            f" {plain_one[NDCG].mean():.3f}, base {base[NDCG].mean():.3f}; difference"
            f" {gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}): {words(gain)}; hit@5 {full_one[HIT].mean():.3f} against"
            f" {plain_one[HIT].mean():.3f}",
        ),
        row(
            "adapter, from pairs to model, with the accelerated twin that ingest leaves",
            round(twin_s, 1),
            "s",
            30.0,
            what,
            better="lower",
        ),
        row("adapter, the same by torch", round(alone_s, 1), "s", 60.0, what, better="lower"),
    ]


def row(
    name: str, value: float, unit: str, goal: float, how: str, better: str = "higher"
) -> dict[str, Any]:
    """One line of the bench."""
    named = {"name": f"training: {name}", "value": value, "unit": unit}
    return named | {"goal": goal, "better": better, "how": how}


def adapter_run(folder: Path, twins: Path | None = None) -> tuple[RunDir, float]:
    """A finished run of `adapter`, and its seconds."""
    run_dir = write_run(folder, TrainOptions(method="adapter"), twins)
    started = time.perf_counter()
    launch.train(run_dir, Machine(device="cpu"), lambda _: None)
    return run_dir, time.perf_counter() - started


def window_texts(run_dir: RunDir) -> list[str]:
    """The texts that a finished run embedded."""
    return prepared_of(run_dir).windows.texts


def prepared_of(run_dir: RunDir) -> TrainingData:
    """The training data of a finished run."""
    base = Path(run_dir.read_settings().base)
    return prepare.load(run_dir, base, device="cpu", report=lambda done, total: None)


def write_run(
    folder: Path, options: TrainOptions, twins: Path | None = None, share: float = split.SHARE
) -> RunDir:
    """A run folder with the seed's training questions, a share of them held out."""
    base = model_files.bundled_model()
    seed = seedfile.read(DATA)
    train, heldout = split.hold_out(seed, 0, share)
    settings = RunSettings(
        "bench",
        str(base),
        model_files.BUNDLED,
        model_files.Manifest.of(base).sha256,
        options,
        twins=str(twins or ""),
    )
    run_dir = RunDir(folder)
    run_dir.write_inputs(settings, seed.corpus, train, heldout)
    return run_dir


def step_times(run_dir: RunDir, scratch: Path) -> tuple[list[float], list[float]]:
    """Seconds of the library trainer's steps and of ours, alternating."""
    trainers = [build(run_dir, scratch / name) for name, build in trainers_by_name().items()]
    steps = [stepper(trainer) for trainer in trainers]
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(STEPS + 1):
        for step, kept in zip(steps, times, strict=True):
            started = time.perf_counter()
            step()
            if number:  # the first one allocates
                kept.append(time.perf_counter() - started)
    return times


def trainers_by_name() -> dict[str, Callable[..., Any]]:
    """The two trainers, the library's first."""
    return {"plain": plain_trainer, "full": our_trainer}


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
    """The trainer of `full`, on the vectors from the adapter's run."""
    from training.finetune.methods import networks
    from training.finetune.methods.trainer import build_trainer
    from training.finetune.progress import Reporter

    options = TrainOptions(method="full")
    model = networks.load_base(Path(run_dir.read_settings().base), "cpu")
    networks.prepare_network(model, options)
    report = Reporter(scratch.with_suffix(".progress"), lead=False)
    return build_trainer(scratch, model, prepared_of(run_dir), options, report, device="cpu")


def plain_trainer(run_dir: RunDir, scratch: Path) -> Any:
    """The library's trainer and ranking loss on questions and whole passages."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from training.finetune.methods import networks

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
            per_device_train_batch_size=options.resolved_batch_size,
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


def quality(folder: Path) -> dict[str, Any]:
    """
    Train both to the end on half of the questions, and evaluate them on the other half.

    :returns: Measures of both and of the base over all windows, question by question, and the
        passages that answer the questions.
    """
    run_dir = write_run(folder / "half", TrainOptions(method="full"), share=0.5)
    prepared = prepared_of(run_dir)
    gold = [prepared.gold[q] for q in prepared.heldout]
    windows = prepared.windows
    asked = windows.questions[prepared.heldout]
    found: dict[str, Any] = {
        "gold": gold,
        "base": by_question(asked @ windows.vectors.T, windows.passage, gold),
    }
    options = {"normalize_embeddings": True, "show_progress_bar": False}
    for name, build in trainers_by_name().items():
        trainer = build(run_dir, folder / f"{name}-whole")
        trainer.train()
        questions = [prepared.questions[q] for q in prepared.heldout]
        asked = trainer.model.encode_query(questions, **options)
        vectors = trainer.model.encode_document(windows.texts, **options)
        found[name] = by_question(asked @ vectors.T, windows.passage, gold)
    return found


def main() -> None:
    for line in rows():
        print(f"{line['value']:8}  {line['unit']:3} {line['name']}  ({line['how']})")


if __name__ == "__main__":
    main()
