"""`attune models shadow`: a version answers live questions silently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson, VersionName

if TYPE_CHECKING:
    from pipelines.store.shadows import ShadowReport


def shadow(
    name: VersionName,
    share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of live questions it answers silently from now on."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="It answers silently no longer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a version answer live questions silently, and compare it with the one that serves.

    Nobody sees what it finds. With neither --share nor --off: the comparison so far.
    """
    from app.actions import versions
    from app.cli.common import emit_json, services
    from pipelines.errors import InputError

    if off and share is not None:
        raise InputError("Give either --share or --off.")
    with services(pool_size=2) as opened:
        if off or share is not None:
            versions.shadow(opened, name, 0 if off else share or 0, who="cli")
        with opened.pool.connection() as conn:
            found = versions.shadow_report(conn, name)
    if as_json:
        emit_json({"version": name, "preferred": found.preferred, **asdict(found)})
        return
    on = f"answers {found.share:.0%} of questions silently" if found.share else "is no shadow"
    typer.secho(f"{name} {on}.", fg="green" if found.share else None)
    for line in _comparison(found):
        typer.echo(line)


def in_short(found: ShadowReport) -> str:
    """A shadow in one line."""
    line = f"answers {found.share:.0%} of questions silently, {found.questions} so far"
    if found.questions:
        line += (
            f": overlap {found.overlap:.0%}, first passage differs {found.first_differs:.0%},"
            f" {found.candidate_p50_ms:.0f} ms"
        )
    if found.preferred is not None:
        line += f", preferred in {found.preferred:.0%}"
    return line + (f"; failed at {found.faults}" if found.faults else "")


def _comparison(found: ShadowReport) -> Iterator[str]:
    """What a shadow's answers say, in lines."""
    yield f"questions         {found.questions} that the serving version answered too"
    if found.faults:
        yield f"failed at         {found.faults}, at last: {found.last_fault}"
    if not found.questions:
        return
    yield f"overlap           {found.overlap:.0%} of the passages shown"
    yield f"disagreement      first passage differs {found.first_differs:.0%}, no passage in"
    yield f"                  common {found.none_shared:.0%}"
    if found.serving_p50_ms is not None:
        yield (
            f"time p50, p95     {found.candidate_p50_ms:.0f}, {found.candidate_p95_ms:.0f} ms;"
            f" serving: {found.serving_p50_ms:.0f}, {found.serving_p95_ms:.0f} ms"
        )
    for word, judged in (("liked", found.liked), ("disliked", found.disliked)):
        yield (
            f"{word:17} {judged.count} answers, their passages higher {judged.higher},"
            f" same {judged.same}, lower {judged.lower}"
        )
    if found.preferred is not None:
        yield f"preferred in      {found.preferred:.0%} of those ranked differently"
