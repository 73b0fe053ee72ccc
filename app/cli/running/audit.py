"""`attune audit`: who did what, for people and for other systems."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer


def audit(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only from this time (UTC) on."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print the audit, oldest first: promotions, deletions, keys, sign-outs, and who did them."""
    from datetime import UTC

    from app.cli.common import services
    from pipelines.store import audits

    start = since.replace(tzinfo=UTC) if since else None
    with services(pool_size=1) as opened, opened.pool.connection() as conn:
        for entry in audits.read(conn, since=start):
            if as_json:
                line = {"id": entry.id, "at": entry.at.isoformat(), "who": entry.who,
                        "action": entry.action, "detail": entry.detail}  # fmt: skip
                typer.echo(json.dumps(line, ensure_ascii=False, default=str))
            else:
                detail = json.dumps(entry.detail, ensure_ascii=False, default=str)
                typer.echo(f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.who}  {entry.action}  {detail}")
