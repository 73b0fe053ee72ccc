"""The codes of a window's tokens lie beside its vector, and always belong to it."""

from __future__ import annotations

import hashlib
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from pipelines.embedder.loading import EncoderOptions
from pipelines.embedder.local import LocalEncoder
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.search import opening, threshold
from pipelines.search.handle import SearchHandle
from pipelines.store import active, chunks, db, gaps, indexes, models, vectors
from pipelines.store.active import GapError
from pipelines.text.scoring import late
from pipelines.versions import build, first, proof
from tests import versions
from tests.corpus import add_document
from tests.versions import load_handle

MIGRATION = Path(db.__file__).with_name("migrations") / "versions" / "0021_codes.sql"


class Signed:
    """An encoder whose vectors and codes are made of a text alone, so that each tells of which."""

    late = True

    def __init__(self, real: LocalEncoder) -> None:
        self._real = real
        self.dimension, self.tokenizer = real.dimension, real.tokenizer

    def token_offsets(self, texts):
        return self._real.token_offsets(texts)

    def reading(self, text):
        return self._real.reading(text)

    def encode_documents(self, texts):
        dice = [np.random.default_rng(zlib.crc32(text.encode())) for text in texts]
        rows = np.stack([one.normal(size=self.dimension) for one in dice])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def encode_documents_late(self, texts):
        return self.encode_documents(texts), [_code(text) for text in texts]


def _code(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest() * len(text)


class World:
    """Two versions with codes and one without, and everything that may happen to them."""

    def __init__(self, pool, folders, home, converter) -> None:
        self.pool, self.converter = pool, converter
        options = EncoderOptions(cache=home, device="cpu", threads=1)
        self.handles: list[SearchHandle] = []
        with pool.connection() as conn:
            first.ensure_first(conn, str(folders[0]), options, size=8, stride=6, lexical_weight=0.4)
        for name, folder, coded in (("v1", folders[1], True), ("v2", folders[0], False)):
            model_id = versions.register(pool, folder, name, home / "models")
            with pool.connection() as conn:
                model = models.get(conn, model_id)
                build.create(conn, model, LocalEncoder(folder).tokenizer, coded=coded)
        with pool.connection() as conn:
            for model in models.list_all(conn):
                index = indexes.of_model(conn, model.id)
                handle = opening.load_index(conn, index.id, options)
                self.handles.append(_signed(handle))

    def serving(self) -> SearchHandle:
        with self.pool.connection() as conn:
            pointer = active.get(conn)
        (handle,) = [h for h in self.handles if h.index_id == pointer.index_id]
        return _signed(handle, epoch=pointer.epoch)

    def put(self, name: int, text: int) -> None:
        """Add a file or a version of it; part of what it says stays."""
        words = " ".join(
            f"{versions.passages(1, of=str(name))[0]} the {n % text}" for n in range(9)
        )
        file = Incoming(f"{name}.txt", f"{name}.txt", words.encode)
        outcome = Ingester(self.pool, self.serving, self.converter, 60).ingest(file)
        assert outcome.status in ("indexed", "unchanged", "duplicate"), outcome.reason

    def delete(self, name: int) -> None:
        with self.pool.connection() as conn:
            row = conn.execute("select id from document where source = %s", (f"{name}.txt",))
            for (document_id,) in row.fetchall():
                chunks.delete_document(conn, document_id)

    def catch_up(self, version: int) -> None:
        build.catch_up(self.pool, self.handles[version])

    def fill(self, version: int) -> None:
        build.fill(self.pool, self.handles[version])

    def promote(self, version: int) -> None:
        handle, epoch = self.handles[version], self.serving().epoch
        if handle.index_id == self.serving().index_id:
            return
        tail = partial(build.fill_tail, handle=handle, rate=0.0)
        with self.pool.connection() as conn, suppress(GapError):
            indexes.mark(conn, handle.index_id, "ready")
            active.promote(conn, versions.switch(handle, epoch), tail)

    def check(self) -> None:
        """Each row of each version has the vector and the codes of its window's text."""
        for handle in self.handles:
            with self.pool.connection() as conn:
                rows = conn.execute(
                    sql.SQL(
                        "select substr(c.text, w.char_start + 1, w.char_end - w.char_start), e.v,"
                        " e.codes from {} e left join text_window w on w.id = e.window_id"
                        " left join chunk c on c.id = w.chunk_id"
                    ).format(indexes.table(handle.index_id))
                ).fetchall()
                whole = not gaps.exists(conn, handle.index_id, handle.rule_id)
            for text, vector, code in rows:
                assert text is not None, "a vector without its window"
                assert handle.encoder.encode_documents([text])[0] @ vector.to_numpy() > 0.999
                assert code == (_code(text) if handle.coded else None)
            assert whole or handle.index_id != self.serving().index_id


def _signed(handle: SearchHandle, epoch: int = 0) -> SearchHandle:
    real = handle.encoder
    signed = real if isinstance(real, Signed) else Signed(real)
    return SearchHandle(**vars(handle) | {"encoder": signed, "epoch": epoch})


NAMES, VERSIONS = st.integers(0, 3), st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, st.integers(1, 3)),
        st.tuples(st.just("put"), NAMES, st.integers(1, 3)),
        st.tuples(st.just("delete"), NAMES),
        st.tuples(st.just("catch_up"), VERSIONS),
        st.tuples(st.just("fill"), VERSIONS),
        st.tuples(st.just("promote"), VERSIONS),
    ),
    min_size=4,
    max_size=12,
)


@pytest.fixture(scope="module")
def changing(module_dsn, tiny_model, larger_model, tmp_path_factory):
    pool = db.open_pool(module_dsn, max_size=4)
    with Converter(ReadLimits(memory_mb=600, cpu_s=20)) as converter:
        yield World(pool, (tiny_model, larger_model), tmp_path_factory.mktemp("home"), converter)
    pool.close()


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_codes_and_vectors_of_an_index_always_belong_together(changing, monkeypatch, steps):
    """
    Whatever comes in, changes, goes, is built, caught up or promoted, in whatever order, and
    whether a version has codes or not. Steps go on where those of the example before ended.
    """
    monkeypatch.setattr(build, "BATCH", 5)  # a round that leaves something to the next
    # It would search, which codes without a meaning are not made for.
    monkeypatch.setattr(threshold, "refresh", lambda conn, handle: False)
    for name, *arguments in steps:
        getattr(changing, name)(*arguments)
        changing.check()


def test_an_index_with_codes_takes_no_row_without(world):
    """So a version either has codes of all its windows or of none."""
    pool, _, serving, candidate = world
    build.fill(pool, candidate)
    assert serving.coded
    assert candidate.coded
    with pool.connection() as conn:
        for handle in (serving, candidate):
            emb = indexes.table(handle.index_id)
            with pytest.raises(psycopg.errors.NotNullViolation), conn.transaction():
                conn.execute(sql.SQL("update {} set codes = null").format(emb))
            stored = conn.execute(
                "select attstorage from pg_attribute where attrelid = %s::regclass"
                " and attname = 'codes'",
                (f"emb_{handle.index_id}",),
            ).fetchone()
            assert stored == ("e",)


def test_nearest_windows_come_with_their_codes(pool, tiny_model, tmp_path):
    """The three nearest of each chunk, as comparing all of them says, each with its own codes."""
    options = EncoderOptions(cache=tmp_path, device="cpu", threads=1)
    with pool.connection() as conn:
        first.ensure_first(conn, str(tiny_model), options, size=8, stride=6, lexical_weight=0.4)
        handle = load_handle(conn, options)
        texts = [" ".join(versions.passages(4, of=f"long{n}")) for n in range(5)]
        ids = add_document(conn, handle, "one", [*texts, "harbour"])
        vector, tokens = handle.encoder.encode_query_late("the ferry and the pier")
        found = vectors.nearest_windows(conn, handle.vectors_id, vector, ids[1:])
        named = [window.id for chunk in found.values() for window in chunk]
        again = vectors.codes(conn, handle.vectors_id, named)
        spans = conn.execute("select chunk_id, char_start, char_end from text_window").fetchall()
    assert list(found) == ids[1:]
    assert len(found[ids[-1]]) == 1
    for chunk_id, text in zip(ids[1:-1], texts[1:], strict=True):
        cuts = [(a, b) for owner, a, b in spans if owner == chunk_id]
        made = handle.embed([text[a:b] for a, b in cuts])
        order = np.argsort(-(made.vectors @ vector), kind="stable")[:3]
        assert [(w.start, w.end) for w in found[chunk_id]] == [cuts[i] for i in order]
        for window, place in zip(found[chunk_id], order, strict=True):
            assert window.cosine == pytest.approx(float(made.vectors[place] @ vector), abs=2e-3)
            assert late.alike(window.codes, made.codes[place]) > 0.97
            assert window.codes == again[window.id]
            assert late.unpack(window.codes, tokens.states.shape[1]).shape[1] == 32


def test_a_version_that_borrows_vectors_borrows_their_codes(world):
    """It has codes if its lender has, and writes them when it serves."""
    pool, options, serving, _ = world
    with pool.connection() as conn:
        base = models.by_name(conn, "base")
        model_id = models.add(
            conn,
            name="asked",
            base=base.base,
            kind="query",
            dimension=base.dimension,
            artefact=base.artefact,
            manifest_sha256=base.manifest_sha256,
            parent_id=base.id,
        )
        index_id = build.create(conn, models.get(conn, model_id), serving.encoder.tokenizer)
        handle = opening.load_index(conn, index_id, options)
    assert (handle.vectors_id, handle.coded) == (serving.index_id, True)
    with pool.connection() as conn:
        (chunk_id,) = add_document(conn, handle, "new", ["The ferry leaves."])
        (window,) = vectors.nearest_windows(
            conn, handle.vectors_id, handle.encoder.encode_queries(["ferry"])[0], [chunk_id]
        )[chunk_id]
    assert window.codes


def test_the_proof_sees_codes_of_other_texts(world):
    """A version whose codes do not belong to its vectors is not fit to serve."""
    pool, _, _, candidate = world
    build.build(pool, candidate)
    with pool.connection() as conn:
        assert proof.prove(conn, candidate).passed
        emb = indexes.table(candidate.index_id)
        conn.execute(
            sql.SQL(
                "update {0} e set codes = o.codes from (select window_id, lead(codes, 1, codes)"
                " over (order by window_id) codes from {0}) o where o.window_id = e.window_id"
            ).format(emb)
        )
        found = proof.prove(conn, candidate)
    assert not found.passed
    assert "codes" in found.failures()


def test_versions_that_were_there_before_codes_serve_on(empty_dsn, tiny_model, tmp_path):
    """Their tables get the column, without codes in it; what comes in then gets none, too."""
    db.migrate(empty_dsn)
    pool = db.open_pool(empty_dsn, max_size=2)
    options = EncoderOptions(cache=tmp_path, device="cpu", threads=1, codes=False)
    with pool.connection() as conn:
        first.ensure_first(conn, str(tiny_model), options, size=16, stride=12, lexical_weight=0.4)
        # As the table and the row were before.
        conn.execute("alter table emb_1 drop column codes")
        conn.execute("alter table search_index drop column coded")
        conn.execute(MIGRATION.read_text())
    pool.close()
    with db.open_pool(empty_dsn, max_size=2) as pool, pool.connection() as conn:
        handle = load_handle(conn, options)
        assert not handle.coded
        (chunk_id,) = add_document(conn, handle, "new", ["The ferry leaves."])
        vector = handle.encoder.encode_queries(["ferry"])[0]
        (window,) = vectors.nearest_windows(conn, 1, vector, [chunk_id])[chunk_id]
        assert window.codes is None
        assert vectors.codes(conn, 1, [window.id]) == {}
