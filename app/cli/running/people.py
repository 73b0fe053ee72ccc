"""`attune people`: who is signed in, of whom something is stored, and how to end either."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.common import AsJson

group = typer.Typer(help="People: end sessions, delete a visitor's data.", no_args_is_help=True)

NAME_HELP = "An account's name, or the first signs of a visitor as `attune people list` shows them."
Named = Annotated[str, typer.Argument(metavar="NAME", help=NAME_HELP)]


@group.command("list")
def list_people(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Visitors to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List who is signed in, and visitors of whom something is stored."""
    from app.actions.people import SHOWN_CHARS
    from app.cli.common import emit_json, services
    from pipelines.store import visitors

    with services(pool_size=1) as opened, opened.pool.connection() as conn:
        people, found = visitors.signed_in(conn), visitors.list_visitors(conn, limit=limit)
    if as_json:
        emit_json({"signed_in": list(map(asdict, people)), "visitors": list(map(asdict, found))})
        return
    for person in people:
        groups = f", groups: {', '.join(person.groups)}" if person.groups else ""
        typer.echo(f"{person.who}: {person.sessions} open by {person.via}{groups}")
    for one in found:
        used = f"{one.last_used:%Y-%m-%d}" if one.last_used else "never"
        typer.echo(
            f"{one.visitor[:SHOWN_CHARS]}  {one.conversations} conversations,"
            f" {one.questions} questions, {one.files} files, last used {used}"
        )


@group.command("sign-out")
def sign_out(
    named: Annotated[str, typer.Argument(metavar="NAME")], as_json: AsJson = False
) -> None:
    """End all sessions of a person, on every server."""
    from app.actions import people
    from app.cli.common import emit_json, services

    with services(pool_size=1) as opened:
        ended = people.end_sessions(opened, named, who="cli")
    if as_json:
        emit_json({"sessions": ended})
    else:
        typer.echo(f"{ended} ended.")


@group.command("delete-data")
def delete_data(
    named: Named,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a visitor's conversations, votes, files, and the pairs made of their questions."""
    from app.actions import people
    from app.cli.common import emit_json, services

    with services(pool_size=2) as opened:
        with opened.pool.connection() as conn:
            visitor = people.find(conn, named)
        if not yes:
            typer.confirm(
                f"Delete all data of {visitor[: people.SHOWN_CHARS]}?", abort=True, err=True
            )
        done = people.erase(opened, named, who="cli")
    if as_json:
        emit_json(asdict(done))
        return
    typer.echo(
        f"Deleted: {done.conversations} conversations, {done.votes} votes, {done.pairs} pairs,"
        f" {done.files} files. {done.sessions} sessions ended."
    )
