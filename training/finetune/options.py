"""How a run trains: plain values, written into the run folder and stored with the version."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from pipelines.errors import InputError

Method = Literal["full", "lora", "query", "adapter"]
METHODS: tuple[Method, ...] = get_args(Method)
# What people see. Commands take the key.
LABELS: dict[Method, str] = {
    "adapter": "Adapter",
    "query": "Query side",
    "lora": "LoRA",
    "full": "Full (whole encoder)",
}


def label(method: str) -> str:
    """What people see of a method."""
    return next((name for key, name in LABELS.items() if key == method), method)


@dataclass(frozen=True)
class TrainOptions:
    """
    Settings of one run. Defaults were chosen on held-out parts of training splits.

    None takes what suits the method: see `resolved`.
    """

    method: Method = "full"
    epochs: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    warmup: float = 0.1
    seed: int = 0
    # Lowest layers of the encoder that keep the base model's weights, as the embeddings do.
    freeze_layers: int = 0
    temperature: float = 0.05
    # A negative that the base model finds closer than the positive by more than this is taken
    # for another answer and left out (GISTEmbed).
    margin: float = 0.1
    # Windows of wrong passages that the whole retrieval ranks best, added to each pair.
    hard_negatives: int | None = None
    # How much MaxSim counts in the loss, beside the vectors. Only `full` and `lora` train it.
    late_weight: float = 1.0
    # Shorter prefixes of a vector that are trained to search as well.
    matryoshka: tuple[int, ...] = ()
    lora_rank: int = 16
    adapter_sides: Literal["query", "both"] = "both"
    # Texts in memory at a time. Larger batches are computed in parts (gradient caching).
    mini_batch_size: int = 64
    evaluations_per_epoch: int = 1
    # Evaluations without a gain before the run ends early.
    patience: int = 2
    size_tokens: int = 128
    stride_tokens: int = 96
    max_steps: int = -1

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"The method {self.method!r} is none of {', '.join(METHODS)}.")
        wrong = {
            "--epochs must be above 0": self.epochs is not None and self.epochs <= 0,
            "--batch-size must be at least 2: the others in a batch are the negatives": (
                self.batch_size is not None and self.batch_size < 2
            ),
            "--lr must be above 0": self.learning_rate is not None and self.learning_rate <= 0,
            "--freeze-layers must not be negative": self.freeze_layers < 0,
            "the window stride is larger than the window": self.stride_tokens > self.size_tokens,
        }
        for message, found in wrong.items():
            if found:
                raise InputError(f"{message[0].upper()}{message[1:]}.")

    @property
    def resolved_epochs(self) -> float:
        """Rounds over the pairs."""
        return self.epochs or {"full": 2, "lora": 3, "query": 4, "adapter": 20}[self.method]

    @property
    def resolved_learning_rate(self) -> float:
        """The highest learning rate of the schedule."""
        return (
            self.learning_rate
            or {"full": 1e-4, "lora": 5e-4, "query": 5e-5, "adapter": 3e-4}[self.method]
        )

    @property
    def resolved_batch_size(self) -> int:
        """Pairs in a step. With hard negatives a step is as long with half as many."""
        return self.batch_size or {"full": 16, "lora": 16, "query": 32, "adapter": 32}[self.method]

    @property
    def resolved_hard_negatives(self) -> int:
        """Hard negatives of a pair. Without any for methods that see all windows anyway."""
        if self.method in ("query", "adapter"):
            return 0
        return 2 if self.hard_negatives is None else self.hard_negatives

    def as_json(self) -> dict[str, Any]:
        """Every field, with what None stands for filled in."""
        return asdict(self) | {
            "epochs": self.resolved_epochs,
            "learning_rate": self.resolved_learning_rate,
            "batch_size": self.resolved_batch_size,
            "hard_negatives": self.resolved_hard_negatives,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> TrainOptions:
        """The inverse of `as_json`."""
        known = {field.name for field in fields(cls)}
        chosen = {name: item for name, item in value.items() if name in known}
        chosen["matryoshka"] = tuple(chosen.get("matryoshka", ()))
        return cls(**chosen)
