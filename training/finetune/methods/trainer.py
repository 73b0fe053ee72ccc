"""Methods that train the encoder itself (full, lora, query), by the library's trainer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from pipelines.embedder.streams import bf16_pays
from training.finetune.checkpoints import KeepCheckpoints, last_complete
from training.finetune.heldout import NDCG, HeldOut
from training.finetune.methods import networks
from training.finetune.methods.batches import LABEL, QUESTION, WINDOW, WindowBatchSampler
from training.finetune.methods.guide import Guide
from training.finetune.methods.late import TokenWeights
from training.finetune.methods.losses import CorpusRankingLoss, WindowRankingLoss
from training.finetune.methods.validation import HeldOutEvaluator
from training.finetune.options import TrainOptions
from training.finetune.prepare import TrainingData
from training.finetune.progress import Reporter
from training.finetune.rundir import RunDir, RunSettings
from training.finetune.whole import Floats


def train_encoder(
    run: RunDir,
    settings: RunSettings,
    prepared: TrainingData,
    report: Reporter,
    *,
    heldout: HeldOut | None,
    device: str | None = None,
) -> tuple[dict[str, Any], Floats | None]:
    """
    Train from the last complete checkpoint, or from the base, and store the model.

    :returns: Its figures, and in the lead process its side of the held-out scores. *Shape:*
        ``(questions, passages)``
    """
    options = settings.options
    base = Path(settings.base)
    model = networks.load_base(base, device)
    torch.manual_seed(options.seed)
    networks.prepare_network(model, options)
    evaluator = None
    if heldout is not None:
        evaluator = HeldOutEvaluator(heldout, base, frozen_documents=options.method == "query")
    trainer = build_trainer(
        run.checkpoints, model, prepared, options, report, evaluator=evaluator, device=device
    )
    resume = last_complete(run.checkpoints) if trainer.is_world_process_zero() else None
    resume = _agreed(resume)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    side = None
    if trainer.is_world_process_zero():
        if evaluator is not None:
            side = evaluator.side(trainer.model)
        networks.save(networks.finished(trainer.model, base, options), run.model)
    return {"steps": trainer.state.global_step, **_figures(trainer.state)}, side


def build_trainer(
    checkpoints: Path,
    model: Any,
    prepared: TrainingData,
    options: TrainOptions,
    report: Reporter,
    *,
    evaluator: HeldOutEvaluator | None = None,
    device: str | None = None,
) -> SentenceTransformerTrainer:
    """The trainer of one run."""
    frozen_documents = options.method == "query"
    dataset = as_dataset(prepared, windows=not frozen_documents)
    guide = Guide.of(prepared, options.margin, model.device)
    loss: torch.nn.Module
    if frozen_documents:
        loss = CorpusRankingLoss(model, guide, temperature=options.temperature)
    else:
        loss = WindowRankingLoss(
            model,
            guide,
            temperature=options.temperature,
            mini_batch_size=options.mini_batch_size,
            dimensions=options.matryoshka,
            tokens=_token_weights(model, prepared, options),
        )
    callbacks: list[TrainerCallback] = [KeepCheckpoints(), _Tell(report)]
    if evaluator is not None:
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=options.patience))
    return SentenceTransformerTrainer(
        model=model,
        args=_arguments(checkpoints, model, options, len(dataset), evaluator is not None, device),
        train_dataset=dataset,
        loss=loss,
        evaluator=evaluator,
        callbacks=callbacks,
    )


def _token_weights(
    model: Any, prepared: TrainingData, options: TrainOptions
) -> TokenWeights | None:
    """How much tokens of questions count. None if the model gives no states, or none are wanted."""
    if not (prepared.retrieval.encoder.late and options.late_weight):
        return None
    return TokenWeights.of(model, prepared.retrieval.pieces, options.late_weight)


def as_dataset(prepared: TrainingData, *, windows: bool) -> Dataset:
    """Pairs as the trainer reads them. The label is the pair's position."""
    pairs, texts = prepared.pairs, prepared.windows.texts
    columns: dict[str, list[Any]] = {QUESTION: [prepared.questions[q] for q in pairs.question]}
    if windows:
        for number, column in enumerate(pairs.candidates.T):
            columns[WINDOW if number == 0 else f"negative_{number}"] = [texts[w] for w in column]
    columns[LABEL] = list(range(len(pairs.question)))
    return Dataset.from_dict(columns)


def _arguments(
    folder: Path,
    model: Any,
    options: TrainOptions,
    pairs: int,
    evaluates: bool,
    device: str | None,
) -> SentenceTransformerTrainingArguments:
    from accelerate import PartialState

    world = PartialState().num_processes
    per_epoch = math.ceil(pairs / (options.resolved_batch_size * world))
    total = round(per_epoch * options.resolved_epochs)
    if options.max_steps > 0:
        total = min(total, options.max_steps)
    every = max(1, per_epoch // options.evaluations_per_epoch)
    cuda = torch.cuda.is_available() and device != "cpu"
    prompts = {QUESTION: model.prompts.get("query", "")}
    windows = [WINDOW, *(f"negative_{n}" for n in range(1, options.resolved_hard_negatives + 1))]
    prompts |= dict.fromkeys(windows, model.prompts.get("document", ""))
    query = options.method == "query"
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=options.resolved_batch_size,
        num_train_epochs=options.resolved_epochs,
        max_steps=options.max_steps,
        learning_rate=options.resolved_learning_rate,
        warmup_steps=round(options.warmup * total),
        weight_decay=0.01,
        seed=options.seed,
        data_seed=options.seed,
        bf16=torch.cuda.is_bf16_supported() if cuda else device == "cpu" and bf16_pays(),
        use_cpu=device == "cpu",
        batch_sampler="batch_sampler" if query else WindowBatchSampler,
        prompts={k: v for k, v in prompts.items() if v and not (query and k != QUESTION)} or None,
        eval_strategy="steps" if evaluates else "no",
        eval_steps=every if evaluates else None,
        save_strategy="steps",
        save_steps=every,
        load_best_model_at_end=evaluates,
        metric_for_best_model=f"eval_{NDCG}" if evaluates else None,
        greater_is_better=True if evaluates else None,
        restore_callback_states_from_checkpoint=True,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        ddp_find_unused_parameters=True,
    )


class _Tell(TrainerCallback):  # type: ignore[misc]
    """Reports each step, and what evaluations found."""

    def __init__(self, report: Reporter) -> None:
        self._report = report

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        logs = logs or {}
        found = {
            name.removeprefix("eval_"): value
            for name, value in logs.items()
            if name.startswith("eval_heldout")
        }
        if "loss" in logs or found:
            self._report(
                "training",
                step=state.global_step,
                total=state.max_steps,
                loss=logs.get("loss"),
                evaluation=found or None,
            )


def _agreed(resume: Path | None) -> Path | None:
    """The lead's choice, in every process."""
    from accelerate.utils import broadcast_object_list

    chosen: Path | None = broadcast_object_list([resume])[0]
    return chosen


def _figures(state: TrainerState) -> dict[str, Any]:
    """The held-out figures of the checkpoint that was kept."""
    evaluations = [row for row in state.log_history if f"eval_{NDCG}" in row]
    if not evaluations:
        return {}
    best = max(evaluations, key=lambda row: row[f"eval_{NDCG}"])
    return {k.removeprefix("eval_"): v for k, v in best.items() if k.startswith("eval_heldout")}
