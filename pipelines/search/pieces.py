"""How common the word pieces of a tokenizer are in the library, counted in a sample of windows."""

from __future__ import annotations

import threading

from pipelines.embedder.encoder import Encoder
from pipelines.store import chunks
from pipelines.store.db import Connection
from pipelines.store.ids import RuleId
from pipelines.text.scoring.late import PieceCounts

# On train questions of finance_10k and covid_qa the ranking was no better by counts of all windows.
SAMPLED_WINDOWS = 1000
# A library so many times larger, or smaller, than the one counted is counted again.
OUTGROWN = 2.0


class Pieces:
    """
    The counts of one version, made when they are first needed.

    Safe to share between threads. Counting takes some tenths of a second.
    """

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._counted: tuple[PieceCounts, int] | None = None

    def counts(
        self, conn: Connection, encoder: Encoder, rule_id: RuleId, library: int
    ) -> PieceCounts:
        """
        The counts that are held, or new ones if the library has doubled or halved since.

        One thread counts. The others wait only if there are none yet.

        :param library: The chunks that there are now.
        """
        held = self._fresh(library)
        if held is not None:
            return held
        if not self._counting.acquire(blocking=self._counted is None):
            assert self._counted is not None
            return self._counted[0]
        try:
            held = self._fresh(library)
            if held is None:
                sample = chunks.sample_windows(conn, rule_id, SAMPLED_WINDOWS)
                held = PieceCounts.of(encoder.token_ids(sample))
                self._counted = held, library
            return held
        finally:
            self._counting.release()

    def _fresh(self, library: int) -> PieceCounts | None:
        if self._counted is None:
            return None
        counts, before = self._counted
        unchanged = library == before or before / OUTGROWN < library < before * OUTGROWN
        return counts if unchanged else None
