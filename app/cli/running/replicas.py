"""`attune replicas`: the servers that run on this database."""

from __future__ import annotations

import typer

from app.cli.common import AsJson


def replicas(
    as_json: AsJson = False,
) -> None:
    """The servers that run, the version each of them serves, and what it could not load."""
    from app.cli.common import emit_json, services
    from pipelines.store import replicas

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        found = replicas.list_all(conn)
    if as_json:
        emit_json({"replicas": [vars(row) for row in found]})
        return
    if not found:
        typer.echo("No server runs.")
    for row in found:
        state = f"epoch {row.epoch}" if row.live else f"not heard of since {row.seen_at:%H:%M:%S}"
        typer.echo(f"{row.id:40} {state}  versions loaded: {len(row.prepared)}")
        if row.fault:
            typer.secho(f"    {row.fault}", fg="yellow")
