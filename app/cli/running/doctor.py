"""`attune doctor`: is this installation well?"""

from __future__ import annotations

import typer

from app.cli.common import AsJson


def doctor(
    as_json: AsJson = False,
) -> int:
    """Check the installation: data folder, models, database, LLM, documents.

    Exit code 0 when nothing failed (warnings allowed), 4 when something did.
    """
    from app import settings
    from app.cli.common import emit_json
    from app.doctor import Check, examine_machine, examine_services
    from app.services import open_services
    from pipelines.errors import AttuneError, NotReadyError

    config = settings.load()
    checks = list(examine_machine(config))
    try:
        with open_services(config, pool_size=2) as services:
            checks += examine_services(services)
    except AttuneError as error:
        checks.append(Check("database", "failed", str(error)))
    failed = any(check.state == "failed" for check in checks)
    if as_json:
        emit_json({"ok": not failed, "checks": [vars(check) for check in checks]})
    else:
        colour = {"ok": "green", "warning": "yellow", "failed": "red"}
        for check in checks:
            state = typer.style(f"{check.state:8}", fg=colour[check.state])
            typer.echo(f"{state} {check.name:16} {check.detail}")
    return NotReadyError.exit_code if failed else 0
