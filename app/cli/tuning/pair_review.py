"""`attune pairs review`: accept or reject pairs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.store.pair_review import Reviewed
    from pipelines.store.pairs import Status


class StatusChoice(StrEnum):
    """Of a stored pair."""

    accepted = "accepted"
    review = "review"
    rejected = "rejected"


def review(
    accept: Annotated[list[int] | None, typer.Option(help="Accept this pair.")] = None,
    reject: Annotated[list[int] | None, typer.Option(help="Reject this pair.")] = None,
    status: Annotated[
        StatusChoice, typer.Option(help="Which ones to go through.")
    ] = StatusChoice.review,
    as_json: AsJson = False,
) -> None:
    """Accept or reject pairs and passages marked as wrong, one by one or by their numbers.

    Without --accept and --reject the pairs are shown one after the other. Of the numbers given
    either all are decided on, or none.
    """
    from app.actions.pairs import reviewing
    from app.cli.common import emit_json, services

    with services(pool_size=2) as opened:
        if not (accept or reject or as_json):
            _go_through(opened, status.value)
            return
        accepted, rejected = set(accept or []), set(reject or [])
        reviewing.decide_all(opened, accepted, rejected, who="cli")
    if as_json:
        emit_json({"accepted": len(accepted), "rejected": len(rejected)})
    else:
        typer.echo(f"{len(accepted)} accepted, {len(rejected)} rejected")


def _go_through(opened: Services, status: str) -> None:
    """Show the pairs one by one, and store each decision."""
    from pipelines.store import pair_review

    after = decided = 0
    while True:
        with opened.pool.connection() as conn:
            found = pair_review.select(conn, status=status, after=after, limit=1)
        if not found:
            typer.echo(f"Nothing is left to look at; {decided} decided.")
            return
        pair = found[0]
        after = pair.id
        typer.echo()
        print_pair(pair)
        typer.echo(f"{pair.passage[:800]}\n")
        choice = typer.prompt("(a)ccept, (e)dit, (r)eject, (s)kip, (q)uit", default="s")[:1].lower()
        if choice == "q":
            return
        if choice in ("a", "e", "r"):
            decided += _decide(opened, pair, choice)


def _decide(opened: Services, pair: Reviewed, choice: str) -> bool:
    """
    Store one decision.

    :returns: False if it was refused. The reason is printed.
    """
    from app.actions.pairs import reviewing
    from pipelines.errors import AttuneError

    question = typer.prompt("Question", default=pair.question) if choice == "e" else None
    status: Status = "rejected" if choice == "r" else "accepted"
    try:
        reviewing.decide(opened, pair.id, status, who="cli", question=question)
    except AttuneError as error:
        typer.secho(str(error), err=True, fg="yellow")
        return False
    return True


def print_pair(pair: Reviewed) -> None:
    """Print a pair or a wrong passage in two lines."""
    side = "wrong" if pair.wrong else pair.split
    colour = {"accepted": "green", "review": "yellow", "rejected": "red"}[pair.status]
    typer.secho(f"{pair.id:6} {pair.status:9}{side:8} {pair.question}", fg=colour)
    place = f"{pair.document} > {pair.section}" if pair.section else pair.document
    typer.echo(f"       {place[:90]}" + (f"  ({pair.reason})" if pair.reason else ""))
