"""Notices a load that is large enough to build a faster encoder for."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.indexing.records import ReadFile

# So many passages are worth the half minute that a faster encoder takes to build.
BULK_CHUNKS = 300
# Characters of each passage, about a window, that the faster encoder is calibrated with.
SAMPLE_CHARS = 500


class Bulk:
    """
    Notices when a load turns out to be large: a faster encoder is then worth building.

    Files before that point are embedded by the slower encoder at once. A person who gives a few
    pages never waits for the faster one.
    """

    def __init__(self) -> None:
        self._texts: list[str] | None = []

    def due(self, group: Sequence[ReadFile]) -> list[str]:
        """
        Add a group of files.

        :returns: Texts to build the faster encoder with, once: at the group that makes the load
            large. Empty for all other groups.
        """
        if self._texts is None:
            return []
        self._texts += [
            passage.text[:SAMPLE_CHARS]
            for read in group
            if read.text is not None
            for passage in read.text.passages
        ]
        if len(self._texts) < BULK_CHUNKS:
            return []
        texts, self._texts = self._texts, None
        return texts
