"""
One reading of a source: what is new or changed is indexed, what is gone is deleted where it may be.

Every file is noted as soon as it is in, so that a run that was cut off goes on with the others.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from app.actions.ingest import open_ingester
from app.actions.sources import opening
from app.actions.sources.deleting import Leaving
from app.actions.sources.report import Report, ReportLine, Wish, unheard
from app.services import Services
from pipelines.errors import AttuneError, InputError
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.indexing.outcome import Outcome, reason_of
from pipelines.indexing.rounds import ingest_wholly
from pipelines.indexing.sources import plan
from pipelines.indexing.sources.entries import SourceEntry, SourceReader
from pipelines.progress import NO_TASK, Task
from pipelines.store import source_entries, source_runs, sources
from pipelines.store.source_entries import KnownEntry
from pipelines.store.source_runs import SourceRun
from pipelines.store.sources import FollowedSource

NOTE_EVERY_S = 2.0


def read(
    services: Services,
    source: FollowedSource,
    wish: Wish,
    *,
    who: str,
    task: Task = NO_TASK,
    tell: Callable[[ReportLine], None] = unheard,
) -> Report:
    """
    Read a source, and let the index follow it.

    :raises BusyError: Another process reads it.
    :raises AttuneError: It cannot be read at all. Nothing is changed then.
    :raises Stopped: The task was asked to stop. The next call goes on.
    """
    with sources.alone(services.pool, source.id), opening.open_reader(services, source) as reader:
        with services.pool.connection() as conn:
            known = source_entries.known(conn, source.id)
            run = None if wish.dry_run else source_runs.begin(conn, source.id, who=who)
        report = Report(tell, dry_run=wish.dry_run)
        reading = _Reading(services, source, reader, known, run, report, who, task)
        if run is None:
            reading.work(wish)
            return report
        try:
            reading.resume(run)
            reading.work(wish)
        except AttuneError as error:
            _end(services, run, report, "failed", str(error))
            raise
        outcome: source_runs.Outcome = "waiting" if report.counted["waiting"] else "done"
        _end(services, run, report, outcome, report.sentence)
        if not (report.incomplete or reading.unreached or reader.remarks.failed):
            with services.pool.connection() as conn:
                sources.change(conn, source.id, mark=reader.mark)
    return report


def _end(
    services: Services,
    run: SourceRun,
    report: Report,
    outcome: source_runs.Outcome,
    sentence: str,
) -> None:
    with services.pool.connection() as conn:
        source_runs.end(
            conn,
            run,
            outcome,
            sentence=sentence,
            counts=report.counts,
            lines=[line.as_json() for line in report.lines],
            waiting=report.waiting,
        )


@dataclass
class _Reading:
    """
    A reading under way.

    :param run: Where it is noted. None if nothing is to be changed.
    """

    services: Services
    source: FollowedSource
    reader: SourceReader
    known: Mapping[str, KnownEntry]
    run: SourceRun | None
    report: Report
    who: str
    task: Task
    seen: set[str] = field(default_factory=set)
    # Keys that an attempt before has told of.
    told: set[str] = field(default_factory=set)
    # Sums of new content by key, and of any content that was loaded.
    added: dict[str, str] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    # New entries with content that was known: perhaps they were only renamed.
    perhaps_renamed: list[tuple[str, str]] = field(default_factory=list)
    unreached: set[str] = field(default_factory=set)
    _noted: float = 0.0

    def resume(self, run: SourceRun) -> None:
        """Go on where an attempt before was cut off."""
        self.report.restore(run.lines)
        self.told = {line.key for line in self.report.lines}
        self.added = {k: one.sha256 for k, one in self.known.items() if one.run_id == run.id}

    def work(self, wish: Wish) -> None:
        """Read everything, then deal with what is gone."""
        run_id = 0 if self.run is None else self.run.id
        with ExitStack() as stack:
            ingester: Ingester | None = None
            for batch in self.reader.batches(self.known, run_id, self.task):
                self.task.check()
                wanted = self._without_unchanged(batch)
                if self.run is None:
                    self._foretell(wanted)
                elif wanted:
                    ingester = ingester or stack.enter_context(
                        open_ingester(self.services, self.task)
                    )
                    self._index(wanted, ingester, self.run)
        self._remark()
        ending = plan.ending(self.known, self.seen, self.added)
        if self.report.incomplete:  # what was not seen may be there still
            ending = plan.Ending([], [])
        new_names = {new for _, new in ending.renamed}
        for key, detail in self.perhaps_renamed:
            if key not in new_names:
                self.report.add("added", key, detail)
        leaving = Leaving(
            self.services, self.source, self.known, self.report, self.who, wish.confirmed
        )
        leaving.finish(ending, self.task)

    def _without_unchanged(self, batch: Sequence[SourceEntry]) -> list[SourceEntry]:
        """The entries to read. The others are noted as seen."""
        wanted = plan.to_read(self.known, batch)
        changed = {entry.key for entry in wanted}
        self.seen |= {entry.key for entry in batch}
        self._note_unchanged([entry.key for entry in batch if entry.key not in changed])
        return wanted

    def _note_unchanged(self, keys: Sequence[str]) -> None:
        for key in keys:
            if key in self.told:
                continue
            # What could not be read stays in the report until it can be.
            if (failure := self.known[key].failure) is not None:
                self.report.add("failed", key, failure)
            else:
                self.report.add("unchanged", key)
        if keys and self.run is not None:
            with self.services.pool.connection() as conn:
                source_entries.seen(conn, self.source.id, keys, self.run.id)

    def _index(self, wanted: Sequence[SourceEntry], ingester: Ingester, run: SourceRun) -> None:
        by_source = {entry.document_source: entry for entry in wanted}
        files = [self._incoming(entry) for entry in by_source.values()]
        with closing(ingest_wholly(ingester, files)) as outcomes:
            for outcome in outcomes:
                self._note(by_source[outcome.source], outcome, run)
        self._keep_lines(run)

    def _incoming(self, entry: SourceEntry) -> Incoming:
        def load() -> bytes:
            return self._load(entry)

        collection, size = self.source.collection, entry.size_bytes
        return Incoming(entry.document_source, entry.title, load, collection, size)

    def _load(self, entry: SourceEntry) -> bytes:
        """
        The content of an entry.

        :raises InputError: It cannot be reached now. The next run tries again.
        """
        try:
            content = entry.load()
        except InputError:  # no other try changes that
            raise
        except (OSError, AttuneError) as error:
            self.unreached.add(entry.key)
            raise InputError(reason_of(error)) from error
        self.sums[entry.key] = hashlib.sha256(content).hexdigest()
        return content

    def _note(self, entry: SourceEntry, outcome: Outcome, run: SourceRun) -> None:
        """Keep what became of an entry."""
        before, sha256 = self.known.get(entry.key), self.sums.get(entry.key, "")
        is_lost = entry.key in self.unreached
        with self.services.pool.connection() as conn:
            source_entries.put(
                conn,
                self.source.id,
                key=entry.key,
                document_source=entry.document_source,
                size_bytes=entry.size_bytes,
                stamp="" if is_lost else entry.stamp,
                sha256=sha256,
                failure=outcome.reason if outcome.status == "failed" else None,
                links=entry.links,
                run_id=run.id,
            )
        self._tell(entry.key, outcome, before, sha256)
        if time.monotonic() - self._noted > NOTE_EVERY_S:
            self._keep_lines(run)

    def _keep_lines(self, run: SourceRun) -> None:
        self._noted = time.monotonic()
        with self.services.pool.connection() as conn:
            source_runs.note(conn, run, [line.as_json() for line in self.report.lines])

    def _tell(self, key: str, outcome: Outcome, before: KnownEntry | None, sha256: str) -> None:
        """Report what became of an entry."""
        if outcome.status == "failed":
            self.report.add("failed", key, outcome.reason or "")
            return
        if before is not None and outcome.status == "unchanged":
            self.report.add("unchanged", key)
            return
        detail = outcome.reason or ""
        if outcome.status == "indexed":
            passages = "1 passage" if outcome.chunks == 1 else f"{outcome.chunks:,} passages"
            detail = f"{passages} in {outcome.seconds:.1f} s"
        elif outcome.status == "unchanged":
            detail = "it was here before"
        is_new = before is None or before.document_id is None
        if before is None:
            self.added[key] = sha256
            if outcome.status == "duplicate":
                self.perhaps_renamed.append((key, detail))
                return
        self.report.add("added" if is_new else "changed", key, detail, tuple(outcome.warnings))

    def _foretell(self, wanted: Sequence[SourceEntry]) -> None:
        """What would become of entries, without changing anything."""
        contents = {one.sha256 for one in self.known.values()}
        sizes = {one.size_bytes for one in self.known.values()}
        for entry in wanted:
            self.task.check()
            if entry.key not in self.known and entry.size_bytes not in {None, *sizes}:
                self.report.add("added", entry.key)
                continue
            try:
                sha256 = hashlib.sha256(entry.load()).hexdigest()
            except (OSError, AttuneError) as error:
                self.report.add("failed", entry.key, reason_of(error))
                continue
            before = self.known.get(entry.key)
            if before is None:
                self.added[entry.key] = sha256
                if sha256 in contents:
                    self.perhaps_renamed.append((entry.key, ""))
                else:
                    self.report.add("added", entry.key)
            else:
                is_same = before.sha256 == sha256 and before.failure is None
                self.report.add("unchanged" if is_same else "changed", entry.key)

    def _remark(self) -> None:
        """What the reader says beside the entries."""
        remarks = self.reader.remarks
        same = sorted(remarks.unchanged & self.known.keys())
        self.seen.update(same)
        self._note_unchanged(same)
        for key, reason in remarks.failed:
            self.seen.add(key)
            self.report.add("failed", key, reason)
        for key, reason in remarks.skipped:
            self.report.add("skipped", key, reason)
        self.report.incomplete = remarks.incomplete
