"""
Indexes the passages of a question set, one chunk each, through the windows and tables of documents.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.search.handle import SearchHandle
from pipelines.store import chunks, documents
from pipelines.store.chunks import NewChunk
from pipelines.store.db import Connection
from pipelines.store.ids import ChunkId
from pipelines.text.windows import cut
from training.evaluation.dataset import Dataset


def load_dataset(conn: Connection, handle: SearchHandle, dataset: Dataset) -> dict[ChunkId, str]:
    """
    Index the passages of a dataset, each in its language.

    :returns: The passage of each chunk.
    """
    passage_of = {}
    for language in dict.fromkeys(dataset.languages.values()):
        texts = {i: t for i, t in dataset.corpus.items() if dataset.languages[i] == language}
        source = f"passages {language or ''}".strip()
        loaded = load_corpus(conn, handle, texts, language=language, source=source)
        passage_of.update({chunk: passage for passage, chunk in loaded.items()})
    return passage_of


def load_corpus(
    conn: Connection,
    handle: SearchHandle,
    texts: Mapping[str, str],
    *,
    language: str | None = "en",
    source: str = "passages",
) -> dict[str, ChunkId]:
    """
    Index passages into the handle's index, in a scratch database.

    They become one document, so that no title distinguishes them. Other indexes get no vectors.

    :param language: The passages' language (ISO 639-1). Without one, words are not stemmed.
    :returns: The chunk of each passage.
    """
    passages = list(texts.values())
    offsets = handle.encoder.token_offsets(passages)
    new = [
        NewChunk(
            text=text,
            page=None,
            heading=None,
            char_start=0,
            char_end=len(text),
            language=language,
            windows=cut(tokens, handle.size_tokens, handle.stride_tokens),
        )
        for text, tokens in zip(passages, offsets, strict=True)
    ]
    made = handle.embed([chunk.text[a:b] for chunk in new for a, b in chunk.windows])
    content = "\n\n".join(passages).encode()
    with conn.transaction():
        document_id = documents.begin(
            conn,
            source=source,
            title=source,
            sha256=chunks.digest(content.decode()),
            mime="text/plain",
            content=content,
            collection="default",
        )
        ids = chunks.write(
            conn, document_id, handle.index_id, handle.rule_id, new, made.vectors, made.codes
        )
        documents.finish(conn, document_id, language=language, pages=None, warnings=[])
    return dict(zip(texts, ids, strict=True))
