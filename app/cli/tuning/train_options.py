"""The options of `attune train`, with the sentences that its help shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

PairsFile = Annotated[
    Path | None,
    typer.Option(help="JSON or CSV file of questions and passages; without it, stored pairs."),
]
HeldoutFile = Annotated[
    Path | None,
    typer.Option(help="File of questions never trained on; without it a tenth of --pairs."),
]
MethodChoice = Annotated[
    Literal["auto", "full", "lora", "query", "adapter"],
    typer.Option(help="What is trained; auto: what suits this machine and the pairs."),
]
Base = Annotated[
    str, typer.Option(help="Version to start from; empty: what the one that serves began with.")
]
NewName = Annotated[str, typer.Option(help="Name of the new version; empty: v1, v2, ...")]
Epochs = Annotated[float | None, typer.Option(help="Epochs: passes over all pairs.")]
BatchSize = Annotated[
    int | None,
    typer.Option(help="Pairs in a step, in each process; without it what suits the method."),
]
LearningRate = Annotated[float | None, typer.Option(help="Highest learning rate.")]
Seed = Annotated[int, typer.Option(help="Of the split, the order and new weights.")]
FrozenLayers = Annotated[
    int, typer.Option(help="Lowest layers that are not trained, with the word embeddings.")
]
AdapterSides = Annotated[
    Literal["both", "query"],
    typer.Option(help="Vectors that an adapter changes. With query the stored vectors stay."),
]
HardNegatives = Annotated[
    int | None,
    typer.Option(
        help="Wrong passages that the search ranks high, added to each pair; without it 2 with full"
        " and lora."
    ),
]
Matryoshka = Annotated[
    str, typer.Option(help="Shorter vector lengths to train as well, e.g. 256,128.")
]
Offline = Annotated[
    int,
    typer.Option(min=0, help="With --pairs: questions to add per passage, made without an LLM."),
]
Processes = Annotated[int, typer.Option(min=1, help="Processes (GPUs) to train with.")]
Resume = Annotated[int | None, typer.Option(help="Continue this run from its last checkpoint.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Measure what the run would take, and stop.")
]
Auto = Annotated[
    bool,
    typer.Option("--auto", help="Then evaluate it, and promote it without asking if it is better."),
]


def lengths(matryoshka: str) -> tuple[int, ...]:
    """
    Parse vector lengths that are separated by commas.

    :raises InputError: One of them is not a number.
    """
    from pipelines.errors import InputError

    try:
        return tuple(int(part) for part in matryoshka.split(",") if part.strip())
    except ValueError:
        raise InputError(f"--matryoshka {matryoshka!r}: numbers are expected.") from None


def check_together(
    pairs: Path | None, heldout: Path | None, offline: int, resume: int | None
) -> None:
    """
    Refuse options that do not go together.

    :raises InputError: They do not.
    """
    from pipelines.errors import InputError

    if pairs is not None and resume is not None:
        raise InputError("Give either --pairs FILE, or --resume RUN.")
    if heldout is not None and pairs is None:
        raise InputError("--heldout goes with --pairs FILE; stored pairs have a held-out side.")
    if offline and pairs is None:
        raise InputError(
            "--offline goes with --pairs FILE; for stored pairs use attune pairs generate."
        )
