"""Sources as their screen shows them: the list, and one source with its last run. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.actions.sources import opening, schedule
from app.actions.sources.report import WHATS, ReportLine
from app.admin.html import jobs, parts, words
from app.admin.html.parts import Tone
from app.admin.html.template import Template
from pipelines.store import scope
from pipelines.store.jobs import Job
from pipelines.store.source_runs import SourceRun
from pipelines.store.sources import FollowedSource

# What happened to a file, as people read it, with its colour.
SAID: dict[str, tuple[str, Tone]] = {
    "added": ("added", "good"), "changed": ("changed", "good"), "renamed": ("renamed", "good"),
    "deleted": ("deleted", "warn"), "gone": ("gone there, kept here", "quiet"),
    "waiting": ("waits to be deleted", "warn"), "failed": ("failed", "bad"),
    "skipped": ("left out", "quiet"),
}  # fmt: skip
_OUTCOMES: dict[str | None, tuple[str, Tone]] = {
    "done": ("up to date", "good"),
    "waiting": ("waits for you", "warn"),
    "failed": ("failed", "bad"),
    "stopped": ("stopped", "warn"),
    None: ("interrupted", "warn"),
}
KINDS = {
    "folder": "folder", "repository": "Git repository", "website": "website", "files": "files",
}  # fmt: skip
MOST_LINES = 200

_html = Template("sources")


@dataclass(frozen=True)
class SourceRow:
    """
    A source with what is known of it.

    :param files: How many of its files are in.
    :param run: The last one.
    :param job: One that waits or runs.
    :param dry_run: The last one that only said what would change, if nothing was read since.
    """

    source: FollowedSource
    files: int
    run: SourceRun | None
    job: Job | None
    dry_run: Job | None


def source_list(rows: Sequence[SourceRow], chosen: SourceRow | None) -> str:
    """The sources, the chosen one marked."""
    if not rows:
        said = "Name a folder, a website or a repository. Attune reads it, and follows its changes."
        return parts.stack(parts.empty("Nothing is followed yet", said))
    headers = ["Source", "State", "Files", "Read"]
    listed = [
        (row.source.id, (_name(row.source), _state(row), f"{row.files:,}", _read(row)))
        for row in rows
    ]
    key = chosen.source.id if chosen is not None else None
    return parts.stack(parts.choices(headers, listed, key, numbers=[2]))


def _name(source: FollowedSource) -> Markup:
    aside = [KINDS[opening.kind_of(source.address)]]
    if source.collection != scope.DEFAULT:
        aside.append(f"collection {source.collection}")
    return _html.name(source.address, words.joined(*aside))


def _state(row: SourceRow) -> Markup:
    if row.job is not None:
        word: tuple[str, Tone] = (
            ("queued", "quiet") if row.job.status == "todo" else ("reading", "busy")
        )
    elif row.run is None:
        word = ("not read yet", "quiet")
    else:
        word = _OUTCOMES[row.run.outcome]
    return parts.pill(*word)


def _read(row: SourceRow) -> Markup:
    last = parts.when(row.run.created_at) if row.run is not None else Markup("never")
    return _html.read(last, schedule.show(row.source.every_minutes))


def head(row: SourceRow | None) -> str:
    """A source, what is set for it, and what its last run came to."""
    if row is None:
        return parts.stack(parts.empty("No source chosen", "Choose one in the list."))
    shown: list[str | Markup] = [parts.heading(row.source.address, _state(row)), _facts(row)]
    if row.job is not None and row.job.status == "doing":
        shown.append(jobs.progress_bar(row.job))
    if row.dry_run is not None:
        shown.append(parts.note(str(row.dry_run.result["sentence"])))
    elif (run := row.run) is not None:
        shown.append(
            parts.note(run.sentence or "It was cut off; the next run goes on.", _tone(run))
        )
    return parts.stack(*shown)


def lines(row: SourceRow | None) -> str:
    """What the last run changed, or would change."""
    if row is None:
        return ""
    if row.dry_run is not None:
        stored = row.dry_run.result["lines"]
    else:
        stored = row.run.lines if row.run is not None else []
    return parts.stack(_lines([ReportLine.from_json(line) for line in stored]))


def _tone(run: SourceRun) -> Tone:
    return "quiet" if run.outcome == "done" else _OUTCOMES[run.outcome][1]


def _facts(row: SourceRow) -> Markup:
    source = row.source
    return parts.facts(
        [
            ("Kind", KINDS[opening.kind_of(source.address)]),
            ("Collection", source.collection),
            ("Files in", f"{row.files:,}"),
            ("Gone there", "deleted here" if source.deletes else "kept here"),
            ("Read", schedule.show(source.every_minutes)),
            ("Password", "kept encrypted" if source.has_secret else ""),
            ("Last run", parts.when(row.run.created_at) if row.run is not None else ""),
            ("By", row.run.who if row.run is not None else source.created_by),
        ]
    )


def _lines(found: Sequence[ReportLine]) -> Markup:
    """What became of files, the most important first."""
    if not found:
        return Markup("")
    order = list(dict.fromkeys(("waiting", "failed", *WHATS)))
    found = sorted(found, key=lambda line: order.index(line.what))
    cells = [
        (parts.pill(*SAID[line.what]), _html.line(line.key, line.detail, line.notes))
        for line in found[:MOST_LINES]
    ]
    more = len(found) - MOST_LINES
    table = parts.table(["What", "File or page"], cells)
    return table + (parts.quiet(f"and {more:,} more") if more > 0 else Markup(""))
