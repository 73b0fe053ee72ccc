"""`attune admin-link`: the way to the admin pages where no password is set."""

from __future__ import annotations

import typer


def admin_link() -> None:
    """Print a link that opens the admin pages once, in a browser on this machine."""
    from app.access.auth import Access
    from app.cli.common import services
    from app.live.replica import address_here
    from pipelines.errors import InputError

    with services(pool_size=1) as opened:
        access = Access(opened.pool, opened.settings)
        if "link" not in access.policy.ways:
            raise InputError("A password or sign-in is configured: open /admin and use it.")
        address = address_here(opened.pool)
        typer.echo(f"{address}{access.new_link()}")
