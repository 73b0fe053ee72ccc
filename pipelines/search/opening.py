"""Loads an index with its encoder: the handle that questions are searched by."""

from __future__ import annotations

from pipelines.embedder.loading import EncoderOptions, load_model
from pipelines.errors import NotReadyError
from pipelines.search.handle import SearchHandle
from pipelines.store import indexes, models
from pipelines.store.db import Connection
from pipelines.store.ids import IndexId


def load_index(
    conn: Connection, index_id: IndexId, options: EncoderOptions, *, epoch: int = 0
) -> SearchHandle:
    """
    Load an index with its model, which is verified.

    :param epoch: The one it serves in. 0 if it does not serve.
    :raises NotReadyError: The index is gone, or its model does not fit it.
    :raises ArtifactError: Its model's files are damaged.
    """
    with conn.transaction():
        index = indexes.get(conn, index_id)
        model = None if index is None else models.get(conn, index.model_id)
        if index is None or model is None:
            raise NotReadyError(f"There is no index {index_id}.")
        rule = indexes.rule(conn, index.rule_id)
    encoder = load_model(model, options)
    if encoder.dimension != model.dimension or encoder.tokenizer != rule.tokenizer:
        raise NotReadyError(
            f"Version {model.name} was built with {model.dimension} dimensions and tokenizer "
            f"{rule.tokenizer}; its model has {encoder.dimension} and {encoder.tokenizer}."
        )
    if index.coded and not encoder.late:
        raise NotReadyError(
            f"Version {model.name} has codes of tokens, which its model here cannot make."
        )
    return SearchHandle(
        epoch=epoch,
        index_id=index.id,
        model_id=model.id,
        model_name=model.name,
        rule_id=index.rule_id,
        size_tokens=rule.size_tokens,
        stride_tokens=rule.stride_tokens,
        lexical_weight=index.lexical_weight,
        answer_threshold=index.answer_threshold,
        encoder=encoder,
        vectors_of=index.vectors_of,
        coded=index.coded,
        compares=options.codes,
    )
