"""The first version: an empty index of the base model, made at the very first start."""

from __future__ import annotations

import logging

from pipelines.embedder.loading import OPENAI_PREFIX, EncoderOptions, load_base, makes_codes, share
from pipelines.errors import GateError, InputError
from pipelines.store import active, indexes, models
from pipelines.store.db import Connection
from pipelines.text.windows import WindowRule

log = logging.getLogger(__name__)


def ensure_first(
    conn: Connection,
    base: str,
    options: EncoderOptions,
    *,
    size: int,
    stride: int,
    lexical_weight: float,
) -> None:
    """
    Make sure that an index serves: at the very first start, an empty one of the base model.

    Several processes may start at once; one of them makes it.
    """
    if active.get(conn) is not None:
        return
    if stride > size:
        raise InputError(f"The window stride ({stride}) is larger than the window ({size}).")
    encoder, folder, manifest = load_base(base, options)
    with conn.transaction():
        conn.execute("lock table active in exclusive mode")
        if active.get(conn) is not None:
            return
        model_id = models.add(
            conn,
            name="base",
            base=base,
            kind="openai" if base.startswith(OPENAI_PREFIX) else "base",
            dimension=encoder.dimension,
            artefact=folder,
            manifest_sha256=manifest,
        )
        rule = indexes.rule_id(conn, WindowRule(size, stride, encoder.tokenizer))
        index_id = indexes.add(
            conn,
            model_id,
            rule,
            dimension=encoder.dimension,
            lexical_weight=lexical_weight,
            coded=makes_codes(encoder, options),
        )
        indexes.mark(conn, index_id, "ready")
        active.set_first(conn, index_id)
    first = models.get(conn, model_id)
    assert first is not None
    try:
        share(conn, first, options)
    except GateError as error:  # it serves all the same
        log.warning("%s", error)
