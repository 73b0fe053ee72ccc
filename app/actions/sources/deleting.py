"""What happens to the documents of files that are not in their source any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from app.actions import documents as acting
from app.actions.sources.report import Report
from app.services import Services
from pipelines.indexing.sources import plan
from pipelines.indexing.sources.plan import Ending
from pipelines.progress import Task
from pipelines.store import document_list, source_entries
from pipelines.store.source_entries import KnownEntry
from pipelines.store.sources import FollowedSource

# In one transaction.
GROUP = 50


@dataclass(frozen=True)
class Leaving:
    """
    Lets go of what is not there any more.

    :param confirmed: Whether so many may be deleted at once, if they are many.
    """

    services: Services
    source: FollowedSource
    known: Mapping[str, KnownEntry]
    report: Report
    who: str
    confirmed: bool

    def finish(self, ending: Ending, task: Task) -> None:
        """Delete what was renamed under its old name, and what is gone if that is wanted."""
        for old, new in ending.renamed:
            self.report.add("renamed", old, f"now {new}")
        if not self.report.dry_run:
            self._delete([old for old, _ in ending.renamed], task)
        gone = ending.gone
        if not self.source.deletes:
            for key in gone:
                self.report.add("gone", key, "its document stays")
        elif plan.waits(len(gone), len(self.known)) and not self.confirmed:
            for key in gone:
                self.report.add("waiting", key, "it is deleted once you confirm")
        else:
            if not self.report.dry_run:
                self._delete(gone, task)
            for key in gone:
                self.report.add("deleted", key)

    def _delete(self, keys: Sequence[str], task: Task) -> None:
        """Delete documents, unless another source has them as well, and forget their entries."""
        waiting = iter(keys)
        while group := list(islice(waiting, GROUP)):
            task.check()
            with self.services.pool.connection() as conn, conn.transaction():
                doomed = []
                for key in group:
                    named = self.known[key].document_source
                    if not source_entries.is_shared(conn, self.source.id, named):
                        doomed += document_list.ids_of(conn, self.source.collection, named)
                    source_entries.forget(conn, self.source.id, key)
                if doomed:
                    acting.delete(conn, self.who, doomed)
