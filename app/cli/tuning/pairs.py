"""`attune pairs`: questions with their passages, to train and to judge on."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.store.db import Connection
    from pipelines.store.pairs import Pair, Split, Status
    from training.pairs.collect import Summary

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
group = typer.Typer(help="Questions and passages to tune on.", no_args_is_help=True)


class Generator(StrEnum):
    """Where questions come from."""

    auto = "auto"
    offline = "offline"
    llm = "llm"
    feedback = "feedback"


class Side(StrEnum):
    """What a file's pairs are for."""

    auto = "auto"
    train = "train"
    heldout = "heldout"


class State(StrEnum):
    """Of a stored pair."""

    accepted = "accepted"
    review = "review"
    rejected = "rejected"


@group.command("generate")
def generate(
    generator: Annotated[
        Generator,
        typer.Option(
            "--with",
            help="llm asks the language model; offline needs none; feedback takes liked answers;"
            " auto: llm where one is configured, else offline.",
        ),
    ] = Generator.auto,
    per_passage: Annotated[
        int | None,
        typer.Option(min=1, max=10, help="Questions for a passage (llm 2, offline 4)."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Passages in this call: an even sample of the documents.")
    ] = 2000,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Calls at a time (llm).")] = 4,
    again: Annotated[
        bool,
        typer.Option("--again", help="Start over: delete the unreviewed pairs of this generator."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before paid calls.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the estimate, and stop.")
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make pairs from the indexed documents.

    Interrupted, it goes on where it stopped. A part of the documents is held out to judge on.
    """
    from app.actions import generating
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json, hand_over, services
    from app.services import llm_options
    from training.pairs import asking, collect
    from training.pairs.offline import PER_PASSAGE

    with services() as opened:
        if generator is Generator.auto:
            generator = Generator.llm if llm_options(opened.settings) else Generator.offline
        source = generator.value
        name = generating.generator_name(opened, source)
        if generator is Generator.feedback:
            if queue:
                hand_over(opened, "generate", as_json=as_json, source=source)
            else:
                _tell(generating.generate(opened, source, by="cli"), as_json)
            return
        anew = again and (dry_run or queue)  # nothing is removed yet
        with opened.pool.connection() as conn:
            if again and not anew:
                generating.forget_pairs(conn, opened, source)
            passages = collect.waiting(conn, "" if anew else name, limit)
        count = per_passage or (asking.QUESTIONS if generator is Generator.llm else PER_PASSAGE)
        cost = asking.estimate(passages, count) if generator is Generator.llm else None
        told: dict[str, Any] = {"generator": name, "passages": len(passages), "questions": count * len(passages)}  # fmt: skip
        if cost is not None:
            told |= {"calls": cost.calls, "tokens_in": cost.tokens_in, "most_tokens_out": cost.tokens_out}  # fmt: skip
        if dry_run and as_json:
            emit_json(told)
            return
        typer.echo("  ".join(f"{key.replace('_', ' ')}: {value:,}" if isinstance(value, int) else str(value) for key, value in told.items()), err=True)  # fmt: skip
        if dry_run:
            return
        if not passages:
            typer.echo("Every passage was looked at. --again starts over.", err=True)
        if cost is not None and passages and not yes and not as_json:
            typer.confirm("Go on?", abort=True, err=True)
        if queue:
            hand_over(
                opened,
                "generate",
                as_json=as_json,
                source=source,
                per_passage=per_passage,
                limit=limit,
                again=again,
            )
            return
        with progress_bar() as task:
            summary = generating.make_pairs(
                opened, source, passages, count, at_once=at_once, by="cli", task=task
            )
    _tell(summary, as_json)


def _side(split: Side) -> Split | None:
    return {Side.auto: None, Side.train: "train", Side.heldout: "heldout"}[split]


@group.command("import")
def import_pairs(
    file: Annotated[
        Path, typer.Argument(help="JSON of queries, corpus and relevant_docs; or CSV.")
    ],
    split: Annotated[
        Side, typer.Option(help="What the pairs are for. auto: hold out a part.")
    ] = Side.auto,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")] = False,
    as_json: AsJson = False,
) -> None:
    """Store the pairs of a file. If one row is wrong, nothing is imported."""
    from app.actions import importing
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
    _tell(summary, as_json)


@group.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; .csv writes CSV, else JSON.")],
    split: Annotated[Side, typer.Option(help="What the pairs are for. auto: both.")] = Side.auto,
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
    status: Annotated[State | None, typer.Option(help="Only these.")] = None,
    split: Annotated[Side, typer.Option(help="Only these. auto: both.")] = Side.auto,
    limit: Annotated[int, typer.Option(min=0, help="Pairs to show; 0: the counts alone.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Counts by source, side and reason, and the pairs."""
    from app.cli.common import emit_json, services
    from pipelines.store import pairs

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        counts = pairs.counts(conn)
        found = pairs.select(
            conn,
            statuses=None if status is None else [status.value],
            split=None if split is Side.auto else split.value,
            limit=limit,
        )
    if as_json:
        names = ("generator", "kind", "split", "status", "reason", "pairs")
        emit_json(
            {
                "counts": [dict(zip(names, row, strict=True)) for row in counts],
                "pairs": [vars(pair) for pair in found],
            }
        )
        return
    _print_counts(counts)
    for pair in found:
        _print(pair)


@group.command("review")
def review(
    accept: Annotated[list[int] | None, typer.Option(help="Accept this pair.")] = None,
    reject: Annotated[list[int] | None, typer.Option(help="Reject this pair.")] = None,
    status: Annotated[State, typer.Option(help="Which ones to go through.")] = State.review,
    as_json: AsJson = False,
) -> None:
    """Accept or reject pairs, one by one or by their numbers.

    Without --accept and --reject the pairs are shown one after the other. Of the numbers given
    either all are decided on, or none.
    """
    from app.cli.common import emit_json, services

    with services(pool_size=2) as opened:
        if not (accept or reject or as_json):
            _go_through(opened, status.value)
            return
        taken, dropped = set(accept or []), set(reject or [])
        with opened.pool.connection() as conn, conn.transaction():
            _decide_all(conn, taken, "accepted")
            _decide_all(conn, dropped, "rejected")
    if as_json:
        emit_json({"accepted": len(taken), "rejected": len(dropped)})
    else:
        typer.echo(f"{len(taken)} accepted, {len(dropped)} rejected")


def _decide_all(conn: Connection, ids: Collection[int], status: Status) -> None:
    """The same decision on several pairs; a fault says on which."""
    from pipelines.errors import AttuneError
    from training.pairs import teach

    for pair_id in sorted(ids):
        try:
            teach.decide(conn, pair_id, status, who="cli")
        except AttuneError as error:
            raise type(error)(f"Pair {pair_id}: {error}") from None


def _go_through(opened: Services, status: str) -> None:
    from pipelines.errors import AttuneError
    from pipelines.store import pairs
    from training.pairs import teach

    after = decided = 0
    while True:
        with opened.pool.connection() as conn:
            found = pairs.select(conn, statuses=[status], after=after, limit=1)
        if not found:
            typer.echo(f"Nothing is left to look at; {decided} decided.")
            return
        pair = found[0]
        after = pair.id
        typer.echo()
        _print(pair)
        typer.echo(f"{pair.passage[:800]}\n")
        choice = typer.prompt("(a)ccept, (e)dit, (r)eject, (s)kip, (q)uit", default="s")[:1].lower()
        if choice == "q":
            return
        edited = typer.prompt("Question", default=pair.question) if choice == "e" else None
        if choice not in "aer":
            continue
        try:
            with opened.pool.connection() as conn:
                teach.decide(
                    conn,
                    pair.id,
                    "rejected" if choice == "r" else "accepted",
                    who="cli",
                    question=edited,
                )
            decided += 1
        except AttuneError as error:
            typer.secho(str(error), err=True, fg="yellow")


def _tell(summary: Summary, as_json: bool) -> None:
    from app.cli.common import emit_json

    if as_json:
        emit_json(summary.as_json())
        return
    typer.secho(
        f"{summary.stored} pairs stored: {summary.accepted} accepted"
        f" ({summary.sides['train']} to train on, {summary.sides['heldout']} held-out),"
        f" {summary.review} to review",
        fg="green",
    )
    if summary.kinds:
        typer.echo("made from: " + ", ".join(f"{k} {n}" for k, n in summary.kinds.most_common()))
    for reason, count in summary.rejected.most_common():
        typer.echo(f"{count:6} not taken: {reason}")
    if summary.faults:
        typer.secho(f"{len(summary.faults)} passages failed and are asked again next time;"
                    f" the last: {summary.faults[-1]}", fg="yellow")  # fmt: skip
    if summary.review:
        typer.echo("Next: attune pairs review")
    elif summary.accepted:
        typer.echo("Next: attune train")


def _print_counts(counts: list[tuple[str, str, str, str, str, int]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not counts:
        typer.echo("No pairs are stored. Next: attune pairs generate")
        return
    table = Table("generator", "made from", "side", "status", "reason", "pairs", box=None)
    for *names, count in counts:
        table.add_row(*map(str, names), str(count))
    Console().print(table)


def _print(pair: Pair) -> None:
    colour = {"accepted": "green", "review": "yellow", "rejected": "red"}[pair.status]
    typer.secho(f"{pair.id:6} {pair.status:9}{pair.split:8} {pair.question}", fg=colour)
    place = f"{pair.document} > {pair.section}" if pair.section else pair.document
    typer.echo(f"       {place[:90]}" + (f"  ({pair.reason})" if pair.reason else ""))
