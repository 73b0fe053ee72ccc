"""
What answers while the files of the serving version cannot be loaded.

The version before it does, if it can be loaded. Else the words of a question decide alone, with the
model that comes with the installation. Nothing is ever written with a stand-in.
"""

from __future__ import annotations

import logging

from pipelines.embedder import model_files
from pipelines.embedder.loading import EncoderOptions, load_base
from pipelines.errors import AttuneError
from pipelines.search import opening
from pipelines.search.handle import SearchHandle
from pipelines.store import gaps, indexes, models
from pipelines.store.active import Active
from pipelines.store.db import Connection
from pipelines.store.ids import IndexId

log = logging.getLogger(__name__)


def open_stand_in(conn: Connection, pointer: Active, options: EncoderOptions) -> SearchHandle:
    """
    The best handle that can be loaded instead of the one that serves. Its epoch is 0.

    :raises ArtifactError: Not even the bundled model can be loaded.
    """
    for index_id in _others(conn, pointer):
        try:
            return opening.load_index(conn, index_id, options)
        except AttuneError as error:
            log.warning("replica: index %s cannot stand in: %s", index_id, error)
    return _words(conn, pointer.index_id, options)


def _others(conn: Connection, pointer: Active) -> list[IndexId]:
    """The version that served before, then the base, if they have vectors of all documents."""
    base = models.by_name(conn, "base")
    index = None if base is None else indexes.of_model(conn, base.id)
    ids = [pointer.previous_id, None if index is None else index.id]
    found = []
    for index_id in dict.fromkeys(ids):
        index = None if index_id is None else indexes.get(conn, index_id)
        if index is None or index.id == pointer.index_id or index.status != "ready":
            continue
        if not gaps.exists(conn, index.vectors_id, index.rule_id):
            found.append(index.id)
    return found


def _words(conn: Connection, index_id: IndexId, options: EncoderOptions) -> SearchHandle:
    """The serving index, searched by words alone."""
    index = indexes.get(conn, index_id)
    assert index is not None, "the index that serves cannot be dropped"
    rule = indexes.rule(conn, index.rule_id)
    encoder, _, _ = load_base(model_files.BUNDLED, options)
    return SearchHandle(
        epoch=0,
        index_id=index.id,
        model_id=index.model_id,
        model_name="words only",
        rule_id=index.rule_id,
        size_tokens=rule.size_tokens,
        stride_tokens=rule.stride_tokens,
        lexical_weight=1.0,
        answer_threshold=None,
        encoder=encoder,
        vectors_of=index.vectors_of,
        words_only=True,
    )
