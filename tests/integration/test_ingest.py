"""Files become searchable documents, or say why not, and nothing else is disturbed."""

from __future__ import annotations

import pytest

from pipelines import reindex
from pipelines.convert import Converter, Limits
from pipelines.ingest import Incoming, Ingester, reads
from pipelines.reindex import EncoderOptions
from pipelines.store import active, chunks, documents
from pipelines.store.search import hybrid


@pytest.fixture(scope="module")
def converter():
    """One reader process for the whole module: starting it takes seconds."""
    with Converter(Limits(memory_mb=600, cpu_s=20)) as opened:
        yield opened


@pytest.fixture
def ingester(pool, tiny_model, tmp_path, converter):
    options = EncoderOptions(cache=tmp_path)
    with pool.connection() as conn:
        reindex.ensure_first(conn, str(tiny_model), options, size=32, stride=24, lexical_weight=0.9)
        handle = reindex.load_handle(conn, options)
    return Ingester(pool, lambda: handle, converter, chunk_chars=400)


def incoming(source: str, text: str | bytes) -> Incoming:
    return Incoming(source, source, lambda: text if isinstance(text, bytes) else text.encode())


def counts(pool) -> tuple[int, ...]:
    with pool.connection() as conn:
        return tuple(
            conn.execute(f"select count(*) from {table}").fetchone()[0]
            for table in ("chunk", "text_window", "emb_1", "posting", "document_blob")
        )


def found(pool, ingester, question: str) -> list[str]:
    handle = ingester.handle_source()
    vector = handle.encoder.encode_queries([question])[0]
    with pool.connection() as conn:
        return [hit.text for hit in hybrid(conn, handle, question, vector, 3)]


def test_a_document_is_found_after_ingest(pool, ingester):
    outcome = ingester.ingest(incoming("a.txt", "The quokka lives on Rottnest Island."))
    assert (outcome.status, outcome.chunks, outcome.windows) == ("indexed", 1, 1)
    assert "quokka" in found(pool, ingester, "where does the quokka live")[0]


def test_the_same_content_again_is_left_alone(pool, ingester):
    first = ingester.ingest(incoming("a.txt", "One text."))
    before = counts(pool)
    again = ingester.ingest(incoming("a.txt", "One text."))
    copy = ingester.ingest(incoming("b.txt", "One text."))
    assert (again.status, again.document_id) == ("unchanged", first.document_id)
    assert (copy.status, copy.reason) == ("unchanged", "the same content as a.txt")
    assert counts(pool) == before


def test_a_changed_file_takes_the_place_of_its_old_version(pool, ingester):
    """Nothing of the old text is left: not its chunks, vectors, postings or bytes."""
    ingester.ingest(incoming("a.txt", "Old words about walruses."))
    before = counts(pool)
    outcome = ingester.ingest(incoming("a.txt", "New words about narwhals."))
    assert outcome.status == "indexed"
    assert counts(pool) == before
    assert found(pool, ingester, "walruses narwhals") == ["New words about narwhals."]


def test_a_new_version_that_cannot_be_read_leaves_the_old_one_serving(pool, ingester):
    ingester.ingest(incoming("a.pdf.txt", "Readable words about walruses."))
    outcome = ingester.ingest(incoming("a.pdf.txt", b"   \n "))
    assert (outcome.status, outcome.reason) == ("failed", "there is no text in it")
    assert "walruses" in found(pool, ingester, "walruses")[0]


def test_delete_clears_every_trace(pool, ingester):
    outcome = ingester.ingest(incoming("a.txt", "Words that will go."))
    with pool.connection() as conn:
        chunks.delete_document(conn, outcome.document_id)
        assert documents.get(conn, outcome.document_id) is None
    assert counts(pool) == (0, 0, 0, 0, 0)


def test_bad_files_do_not_stop_the_batch(pool, ingester, tmp_path):
    """Each file ends with a status and a reason, in order, and the good ones are in."""
    files = [
        incoming("ok1.txt", "First good file."),
        incoming("noise.bin", b"\x00\x01"),
        incoming("empty.txt", b""),
        incoming("broken.docx", b"PK\x03\x04 cut off"),
        Incoming.from_path(tmp_path / "missing.txt"),
        incoming("nul.txt", "with \x00 a NUL"),
        incoming("ok2.md", "# Title\nSecond good file."),
    ]
    outcomes = list(ingester.ingest_many(files))
    assert [outcome.status for outcome in outcomes] == [
        "indexed", "failed", "failed", "failed", "failed", "indexed", "indexed",
    ]  # fmt: skip
    assert all(outcome.reason for outcome in outcomes if outcome.status == "failed")
    assert outcomes[5].warnings == ["1 characters that cannot be stored were removed"]
    with pool.connection() as conn:
        assert documents.count_by_status(conn) == {"indexed": 3, "failed": 4}


def test_a_file_that_takes_too_much_ends_its_reader_and_not_us(pool, ingester, converter):
    """A table that needs far more memory than allowed fails; the next file is read as ever."""
    import io

    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    row = ["x" * 30_000] * 100
    for _ in range(400):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    outcome = ingester.ingest(incoming("bomb.xlsx", file.getvalue()))
    assert outcome.status == "failed"
    assert "memory" in outcome.reason or "expands" in outcome.reason
    assert ingester.ingest(incoming("after.txt", "Life goes on.")).status == "indexed"


def test_a_swap_during_ingest_embeds_again_for_the_new_version(
    pool, ingester, tiny_model, tmp_path
):
    """The vectors written are those of the version that serves when they are written."""
    options = EncoderOptions(cache=tmp_path)
    stale = ingester.handle_source()
    with pool.connection() as conn:
        conn.execute("update active set epoch = epoch + 1")
    with pool.connection() as conn:
        fresh = reindex.load_handle(conn, options)
        assert active.get(conn).epoch == fresh.epoch == stale.epoch + 1
    given = []

    def serving():
        given.append(fresh if given else stale)
        return given[-1]

    racing = Ingester(pool, serving, ingester.converter, 400)
    assert racing.ingest(incoming("a.txt", "Words in a race.")).status == "indexed"
    assert given[:2] == [stale, fresh]


def test_languages_that_the_vocabulary_does_not_cover_are_noticed():
    from pipelines.artifacts import bundled_model
    from pipelines.encoder import TokenCounter, tokenizer_file

    counter = TokenCounter(tokenizer_file(bundled_model()))

    class Counting:
        token_offsets = staticmethod(counter.offsets)

    english = "The committee approved the annual budget after a long debate about roads. " * 3
    russian = "Комитет утвердил годовой бюджет после долгого обсуждения состояния дорог. " * 3
    hindi = "समिति ने सड़कों पर लंबी बहस के बाद वार्षिक बजट को मंजूरी दे दी। " * 3
    assert reads(Counting(), english)
    assert not reads(Counting(), russian)
    assert not reads(Counting(), hindi)
