"""`attune pairs`: questions with their passages, to train and to judge on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson, Queued
from app.cli.tuning.pair_making import generate, print_summary
from app.cli.tuning.pair_review import StatusChoice, print_pair, review

if TYPE_CHECKING:
    from pipelines.store.pair_review import Count
    from pipelines.store.pairs import Split

group = typer.Typer(help="Questions and passages to tune on.", no_args_is_help=True)
group.command("generate")(generate)


class SplitChoice(StrEnum):
    """What a file's pairs are for."""

    auto = "auto"
    train = "train"
    heldout = "heldout"


def _side(split: SplitChoice) -> Split | None:
    return {SplitChoice.auto: None, SplitChoice.train: "train", SplitChoice.heldout: "heldout"}[
        split
    ]


@group.command("import")
def import_pairs(
    file: Annotated[
        Path, typer.Argument(help="JSON of queries, corpus and relevant_docs; or CSV.")
    ],
    split: Annotated[
        SplitChoice, typer.Option(help="What the pairs are for. auto: hold out a part.")
    ] = SplitChoice.auto,
    queue: Queued = False,
    as_json: AsJson = False,
) -> None:
    """Store the pairs of a file. If one row is wrong, nothing is imported."""
    from app.actions.pairs import importing
    from app.cli.bar import progress_bar
    from app.cli.common import services, tell_job
    from training.pairs import seedfile

    seed = seedfile.read(file)
    with services() as opened:
        if queue:
            job_id = importing.leave(opened, seed, file.name, _side(split), who="cli")
            tell_job(opened, job_id, as_json=as_json)
            return
        with progress_bar() as task:
            summary = importing.import_now(
                opened, seed, file.name, _side(split), who="cli", task=task
            )
    print_summary(summary, as_json)


@group.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; .csv writes CSV, else JSON.")],
    split: Annotated[
        SplitChoice, typer.Option(help="What the pairs are for. auto: both.")
    ] = SplitChoice.auto,
    as_json: AsJson = False,
) -> None:
    """Write the accepted pairs to a file that import takes back."""
    from app.cli.common import emit_json, services
    from training.pairs import seedfile, stored

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        seed = stored.accepted(conn, _side(split))
    seedfile.write(file, seed)
    told = {"file": str(file), "questions": len(seed.queries), "passages": len(seed.corpus)}
    if as_json:
        emit_json(told)
    else:
        typer.echo(f"{len(seed.queries)} questions and {len(seed.corpus)} passages in {file}")


@group.command("list")
def list_pairs(
    status: Annotated[StatusChoice | None, typer.Option(help="Only these.")] = None,
    split: Annotated[SplitChoice, typer.Option(help="Only these. auto: both.")] = SplitChoice.auto,
    limit: Annotated[int, typer.Option(min=0, help="Pairs to show; 0: the counts alone.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Counts by source, side and reason, and the pairs."""
    from app.cli.common import emit_json, services
    from pipelines.store import pair_review

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        counts = pair_review.counts(conn)
        found = pair_review.select(
            conn,
            status=None if status is None else status.value,
            split=None if split is SplitChoice.auto else split.value,
            limit=limit,
        )
    if as_json:
        emit_json(
            {
                "counts": [vars(one) for one in counts],
                "pairs": [vars(pair) for pair in found],
            }
        )
        return
    _print_counts(counts)
    for pair in found:
        print_pair(pair)


def _print_counts(counts: list[Count]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not counts:
        typer.echo("No pairs are stored. Next: attune pairs generate")
        return
    table = Table("generator", "made from", "side", "status", "reason", "pairs", box=None)
    for one in counts:
        table.add_row(*map(str, vars(one).values()))
    Console().print(table)


group.command("review")(review)
