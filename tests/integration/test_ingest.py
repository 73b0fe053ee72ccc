"""Files become searchable documents, or say why not, and nothing else is disturbed."""

from __future__ import annotations

import io
import os
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest
from pypdf import PdfWriter
from pypdf.generic import NameObject, StreamObject

from pipelines.answering.answer import Answerer
from pipelines.embedder.loading import EncoderOptions
from pipelines.errors import InputError
from pipelines.indexing import ingest, queued
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import Converted, ReadLimits
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.indexing.paths import why_not_read
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers.ocr.engine import engine_name
from pipelines.progress import Stopped, Task
from pipelines.search.hybrid import hybrid
from pipelines.store import active, chunks, document_list, document_passages, documents, graphs
from pipelines.versions.first import ensure_first
from tests.versions import load_handle


@pytest.fixture(scope="module")
def converter():
    """One reader process for the whole module: starting it takes seconds."""
    with Converter(ReadLimits(memory_mb=600, cpu_s=20)) as opened:
        yield opened


@pytest.fixture
def ingester(pool, tiny_model, tmp_path, converter):
    options = EncoderOptions(cache=tmp_path)
    with pool.connection() as conn:
        ensure_first(conn, str(tiny_model), options, size=32, stride=24, lexical_weight=0.9)
        handle = load_handle(conn, options)
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


def test_citation_names_the_section_of_its_sentence(pool, ingester):
    """Two short sections share a chunk. A citation has the section of its sentence."""
    page = "# Ferry\n\n## Fares\n\nA ticket costs nine crowns.\n\n## Dogs\n\nDogs sail free on every boat.\n"
    assert ingester.ingest(incoming("ferry.md", page)).chunks == 1
    answerer = Answerer(pool)
    for question, heading in (
        ("What does a ticket cost?", "Ferry > Fares"),
        ("Where do dogs sail free?", "Ferry > Dogs"),
    ):
        answer = answerer.ask(question, handle=ingester.handle_source(), top_k=1)
        assert [citation.heading for citation in answer.citations] == [heading]
    answerer.close()


def test_the_same_content_again_is_left_alone(pool, ingester):
    first = ingester.ingest(incoming("a.txt", "One text."))
    before = counts(pool)
    again = ingester.ingest(incoming("a.txt", "One text."))
    copy = ingester.ingest(incoming("b.txt", "One text."))
    assert (again.status, again.document_id) == ("unchanged", first.document_id)
    assert (copy.status, copy.reason) == (
        "duplicate",
        f"the same content as a.txt ({first.document_id})",
    )
    assert counts(pool) == before
    assert ingester.ingest(incoming("b.txt", "One text.")).status == "unchanged"


def test_a_changed_file_takes_the_place_of_its_old_version(pool, ingester):
    """Nothing of the old text is left: not its chunks, vectors, postings or bytes."""
    ingester.ingest(incoming("a.txt", "Old words about walruses."))
    before = counts(pool)
    outcome = ingester.ingest(incoming("a.txt", "New words about narwhals."))
    assert outcome.status == "indexed"
    assert counts(pool) == before
    assert found(pool, ingester, "walruses narwhals") == ["New words about narwhals."]


def test_of_a_changed_file_only_what_changed_is_embedded(pool, ingester):
    """What stays in place is found by the vectors it had, wherever in the file it is now."""
    sections = {n: f"# Part {n}\n\n" + f"What part {n} says of pier {n}. " * 12 for n in range(6)}
    ingester.ingest(incoming("guide.md", "\n\n".join(sections.values())))
    handle, asked = ingester.handle_source(), []

    class Counting:
        tokenizer, dimension = handle.encoder.tokenizer, handle.encoder.dimension
        token_offsets = staticmethod(handle.encoder.token_offsets)
        reading = staticmethod(handle.encoder.reading)

        def encode_documents_late(self, texts):
            asked.extend(texts)
            return handle.encoder.encode_documents_late(texts)

    told = []
    counting = replace(
        ingester,
        handle_source=lambda: replace(handle, encoder=Counting()),
        task=Task(told.append),
    )
    sections[3] = "# Part 3\n\n" + "The ferry to the island leaves at noon. " * 9
    assert counting.ingest(incoming("guide.md", "\n\n".join(sections.values()))).status == "indexed"
    assert asked
    assert not [text for text in asked if "pier" in text]
    with pool.connection() as conn:
        vectors = conn.execute(
            "select substr(c.text, w.char_start + 1, w.char_end - w.char_start), e.v"
            " from emb_1 e join text_window w on w.id = e.window_id join chunk c on c.id = w.chunk_id"
        ).fetchall()
    assert told[-1].done == told[-1].total > 0
    again = handle.encoder.encode_documents([text for text, _ in vectors])
    stored = [vector.to_numpy() for _, vector in vectors]
    assert (again * stored).sum(axis=1).min() > 0.999


def test_a_new_version_that_cannot_be_read_leaves_the_old_one_serving(pool, ingester):
    ingester.ingest(incoming("a.pdf.txt", "Readable words about walruses."))
    outcome = ingester.ingest(incoming("a.pdf.txt", b"   \n "))
    assert (outcome.status, outcome.reason) == ("failed", "there is no text in it")
    assert "walruses" in found(pool, ingester, "walruses")[0]


def test_a_file_put_right_leaves_no_trace_of_its_failure(pool, ingester):
    """The failed attempt goes with its bytes, and so it does when the old content comes back."""
    ingester.ingest(incoming("a.txt", b"  "))
    assert ingester.ingest(incoming("a.txt", "Now with words.")).status == "indexed"
    assert counts(pool)[-1] == 1
    ingester.ingest(incoming("a.txt", b" \n "))
    assert counts(pool)[-1] == 2
    assert ingester.ingest(incoming("a.txt", "Now with words.")).status == "unchanged"
    assert counts(pool)[-1] == 1
    with pool.connection() as conn:
        assert document_list.count_by_status(conn) == {"indexed": 1}


def test_copies_in_one_batch_are_indexed_once_and_all_listed(pool, ingester):
    """The second is looked at while the first is embedded, and noticed all the same."""
    files = [incoming(f"{name}.txt", "The very same text.") for name in "abc"]
    outcomes = list(ingester.ingest_many(files))
    assert [o.status for o in outcomes] == ["indexed", "duplicate", "duplicate"]
    assert {o.reason for o in outcomes[1:]} == {
        f"the same content as a.txt ({outcomes[0].document_id})"
    }
    assert counts(pool)[:3] == (1, 1, 1)
    with pool.connection() as conn:
        assert document_list.count_by_status(conn) == {"indexed": 1, "duplicate": 2}
        rows = document_list.list_all(conn)
    assert [(row.document.source, row.twin, row.chunks) for row in rows] == [
        ("c.txt", "a.txt", 1), ("b.txt", "a.txt", 1), ("a.txt", None, 1),
    ]  # fmt: skip
    unread = list(ingester.ingest_many([incoming("d.txt", " \n"), incoming("e.txt", " \n")]))
    assert [o.status for o in unread] == ["failed", "failed"]


def test_a_copy_takes_over_when_what_it_shares_is_deleted_or_changed(pool, ingester):
    """
    The passages stay as long as one file has them, are never doubled, and are deleted with the
    last.
    """
    text = "The quokka lives on Rottnest."
    outcomes = list(ingester.ingest_many([incoming(f"{n}.txt", text) for n in "abcd"]))
    a, b, c, d = (outcome.document_id for outcome in outcomes)
    whole = counts(pool)
    with pool.connection() as conn:
        chunks.delete_document(conn, a)
        assert documents.get(conn, a) is None
        assert [documents.get(conn, n).same_as for n in (b, c, d)] == [None, b, b]
    assert counts(pool) == whole
    assert found(pool, ingester, "where does the quokka live") == [text]
    changed = ingester.ingest(incoming("b.txt", "The numbat eats termites."))
    with pool.connection() as conn:
        assert documents.get(conn, c).status == "indexed"
        assert documents.get(conn, d).same_as == c
        chunks.delete_document(conn, d)
    assert found(pool, ingester, "where does the quokka live")[0] == text
    # A file that gets another file's content gives up its own earlier content.
    ingester.ingest(incoming("c.txt", "The numbat eats termites."))
    assert found(pool, ingester, "quokka numbat") == ["The numbat eats termites."]
    with pool.connection() as conn:
        assert documents.indexed(conn, "default", "c.txt").same_as == changed.document_id
        for row in document_list.list_all(conn):
            chunks.delete_document(conn, row.document.id)
    assert counts(pool) == (0, 0, 0, 0, 0)


def test_copies_stay_with_what_they_share_when_it_is_indexed_again(pool, ingester):
    """Whichever of them is chosen, the one with the passages is indexed, once."""
    outcomes = list(ingester.ingest_many([incoming(f"{n}.txt", "One text.") for n in "ab"]))
    before = counts(pool)
    with pool.connection() as conn:
        (again,) = queued.put_again(conn, [outcome.document_id for outcome in outcomes])
    (outcome,) = queued.index(pool, ingester, [again])
    assert (outcome.status, outcome.document_id) == ("indexed", again)
    with pool.connection() as conn:
        assert documents.get(conn, outcomes[1].document_id).same_as == again
        assert document_list.count_by_status(conn) == {"indexed": 1, "duplicate": 1}
        put = queued.put(conn, source="c.txt", title="c", content=b"One text.")
    assert (put.status, put.reason) == ("duplicate", f"the same content as a.txt ({again})")
    assert counts(pool) == before


def test_two_processes_with_the_same_content_end_with_one_that_is_indexed(pool, ingester):
    """They write at the same time. The second one shares the first one's passages."""
    with ThreadPoolExecutor(4) as threads:
        files = [incoming(f"{n}.txt", "The very same text.") for n in range(8)]
        outcomes = list(threads.map(ingester.ingest, files))
    assert sorted(outcome.status for outcome in outcomes) == ["duplicate"] * 7 + ["indexed"]
    assert counts(pool)[:3] == (1, 1, 1)


def test_small_files_are_in_before_large_ones(pool, ingester, tmp_path):
    """Each is searchable as soon as it is embedded, and progress counts all of them."""
    book = " ".join(f"Island {n} has {n % 7} quokkas and a lamp." for n in range(4000))
    (tmp_path / "book.txt").write_text(book)
    (tmp_path / "note.txt").write_text("The numbat eats termites.")
    told, seen = [], []
    loading = replace(ingester, task=Task(told.append))
    files = [Incoming.from_path(tmp_path / name) for name in ("book.txt", "note.txt")]
    for outcome in loading.ingest_many(files):
        with pool.connection() as conn:
            seen.append((outcome.source[-8:], document_list.count_by_status(conn).get("indexed")))
        if outcome.source.endswith("note.txt"):
            assert outcome.seconds < 5
    assert seen == [("note.txt", 1), ("book.txt", 2)]
    shares = [at.done / at.total for at in told if at.total]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    embedding = [at for at in told if at.stage == "embedding" and at.item == "book.txt"]
    assert len(embedding) > 5
    assert all(at.total > len(book) for at in embedding)


def test_what_was_interrupted_is_neither_failed_nor_left_behind(pool, ingester, tmp_path):
    """Ctrl-C in the middle of reading or embedding: those files are as if they had not been given."""
    text = " ".join(f"Island {n} has {n % 7} quokkas and a lamp." for n in range(1500))
    with pool.connection() as conn:
        waiting = queued.put(conn, source="given.txt", title="given", content=text[5:].encode())
    reading = Incoming(
        "given.txt", "given", text[5:].encode, size_bytes=len(text), document_id=waiting.document_id
    )
    files = [incoming("note.txt", "The numbat eats termites."), reading]
    files += [replace(incoming(f"{n}.txt", text[n:]), size_bytes=len(text)) for n in range(9, 19)]
    with (
        Converter() as reader,
        closing(replace(ingester, converter=reader).ingest_many(files)) as outcomes,
    ):
        assert next(outcomes).source == "note.txt"
        time.sleep(1)  # the others are being read and embedded
    with pool.connection() as conn:
        standing = {row.document.source: row.document for row in document_list.list_all(conn)}
    assert standing["note.txt"].status == "indexed"
    statuses = {one.status for one in standing.values()}
    assert statuses <= {"indexed", "queued"}, {one.reason for one in standing.values()}
    assert "given.txt" in standing
    assert all(ingester.ingest(file).status == "indexed" for file in files[2:4])


def test_names_that_are_no_text_are_indexed_under_one_that_is(pool, ingester, tmp_path):
    odd = os.fsencode(tmp_path) + b"/latin\xe9\n.txt"
    Path(os.fsdecode(odd)).write_text("The quokka lives on Rottnest.")
    (tmp_path / "plain.txt").write_text("The numbat eats termites.")
    paths = [Path(os.fsdecode(odd)), tmp_path / "plain.txt"]
    outcomes = list(ingester.ingest_many([Incoming.from_path(path) for path in paths]))
    assert [outcome.status for outcome in outcomes] == ["indexed", "indexed"]
    with pool.connection() as conn:
        titles = {row.document.title for row in document_list.list_all(conn)}
    assert titles == {"latin\\xe9\\x0a.txt", "plain.txt"}
    assert ingester.ingest(Incoming.from_path(paths[0])).status == "unchanged"


def test_what_is_no_file_is_never_opened(pool, ingester, tmp_path):
    """A pipe would block and a device never ends. The same applies if one replaces a file."""
    pipe, swapped = tmp_path / "pipe.txt", tmp_path / "swapped.txt"
    os.mkfifo(pipe)
    swapped.write_text("Words.")
    given = [Incoming.from_path(path) for path in (pipe, swapped, Path("/dev/zero"))]
    swapped.unlink()
    os.mkfifo(swapped)
    reasons = {outcome.source: outcome.reason for outcome in ingester.ingest_many(given)}
    assert reasons == {
        str(pipe): "it is a named pipe, not a file",
        str(swapped): "it is a named pipe, not a file",
        "/dev/zero": f"files without an ending are not read; save it as one of {kinds.readable()}",
    }
    assert why_not_read(Path("/dev/zero").stat().st_mode) == "it is a device, not a file"


def test_a_fault_of_the_encoder_fails_its_file_alone(pool, ingester, caplog):
    """The log says that the files could not be embedded together, and why."""
    handle = ingester.handle_source()

    class Moody:
        def __getattr__(self, name):
            return getattr(handle.encoder, name)

        def encode_documents_late(self, windows):
            if "poison" in windows[0]:
                raise RuntimeError("no such luck")
            return handle.encoder.encode_documents_late(windows)

    moody = replace(handle, encoder=Moody())
    batch = Ingester(pool, lambda: moody, ingester.converter, 400)
    outcomes = list(batch.ingest_many([incoming("a.txt", "poison"), incoming("b.txt", "water")]))
    assert [outcome.status for outcome in outcomes] == ["failed", "indexed"]
    assert "unexpected fault (incident" in outcomes[0].reason
    (said,) = [record for record in caplog.records if "together failed" in record.message]
    assert "no such luck" in str(said.exc_info[1])


def test_two_processes_with_the_same_file_end_with_one_document(pool, ingester):
    """The second one replaces the first one's document, or reports that it was overtaken."""
    with ThreadPoolExecutor(4) as threads:
        versions = [incoming("a.txt", f"Version {n} of the text.") for n in range(8)]
        outcomes = list(threads.map(ingester.ingest, versions))
    assert {outcome.status for outcome in outcomes} <= {"indexed", "failed"}
    assert all("meanwhile" in o.reason for o in outcomes if o.status == "failed")
    with pool.connection() as conn:
        assert document_list.count_by_status(conn)["indexed"] == 1
    assert counts(pool)[:3] == (1, 1, 1)


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
        assert document_list.count_by_status(conn) == {"indexed": 3, "failed": 4}


def test_a_file_that_takes_too_much_ends_its_reader_and_not_us(pool, ingester, converter):
    """A small file that unpacks to gigabytes fails. The next file is read normally."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b" " * 10_000_000) for _ in range(70)) + packer.flush()
    content = StreamObject()
    content.set_data(packed)
    content[NameObject("/Filter")] = NameObject("/FlateDecode")
    bomb, file = PdfWriter(), io.BytesIO()
    bomb.add_blank_page(200, 200)[NameObject("/Contents")] = bomb._add_object(content)
    bomb.write(file)
    outcome = ingester.ingest(incoming("bomb.pdf", file.getvalue()))
    assert outcome.status == "failed"
    assert "memory" in outcome.reason
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
        fresh = load_handle(conn, options)
        assert active.get(conn).epoch == fresh.epoch == stale.epoch + 1
    given = []

    def serving():
        given.append(fresh if given else stale)
        return given[-1]

    racing = Ingester(pool, serving, ingester.converter, 400)
    assert racing.ingest(incoming("a.txt", "Words in a race.")).status == "indexed"
    assert given[:2] == [stale, fresh]


# Known content of a few real, tricky files. The rest of the zoo is checked by hand.
ZOO = {
    "pdf/encrypted_r6_user_password.pdf": "pdf encryption test",
    "pdf/noembed_sjis.pdf": "あいうえお",
    "pdf/prefilled_f1040_form.pdf": "foobar",
    "docx/textbox.docx": "Nanjing Elementary School",
    "docx/rich_tables.docx": "Changes to the DOCLANG Core Spec",
    "html/arabic_misleading_charset.html": "في قرية من القرى",
    "html/hebrew_1255_no_charset.html": "במקביל לישיבת הקבינט",
    "html/fake-html-cp1252.html": "El niño comió",
    "txt/shift_jis.txt": "羅生門",
    "txt/koi8r_russian.txt": "В гимназии он не был",
    "txt/utf16be_nobom.txt": "DateTime,Bid,Ask",
    "txt/utf32_bom.txt": "About 2 months ago",
    "txt/big5.txt": "維基大典",
    "csv/mskanji_shiftjis.csv": "名前: 佐藤太郎",
    "other/stanley-cups.xlsx": "Team: Blues; Location: STL",
    "pdf/scan_ocr_test.pdf": "read by OCR" if engine_name() else "no text layer",
    "pdf/encrypted_libreoffice.pdf": "needs a password",
    "pdf/corrupt_fuzzed_poppler395.pdf": "damaged",
    "docx/protected_passtika.docx": "needs a password",
    "docx/truncated.docx": "damaged",
    "txt/empty.txt": "empty",
    "other/random.bin": "not read",
}


def test_a_write_that_was_committed_is_not_told_as_failed(pool, ingester, monkeypatch):
    """The connection is lost at COMMIT, and the database has it: so says the outcome."""
    real = chunks.write

    def commits_and_dies(conn, *args):
        real(conn, *args)
        conn.execute("commit")
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(chunks, "write", commits_and_dies)
    assert ingester.ingest(incoming("lost.txt", "Lost and found.")).status == "indexed"


def test_real_documents_are_read_right_or_refused_with_a_reason(pool, ingester, shared_data):
    files = [Incoming.from_path(shared_data / "zoo" / name) for name in ZOO]
    outcomes = {outcome.source: outcome for outcome in ingester.ingest_many(files)}
    for name, file in zip(ZOO, files, strict=True):
        outcome = outcomes[file.source]
        with pool.connection() as conn:
            passages = document_passages.of_document(conn, outcome.document_id)
        held = "\n".join(passage.text for passage in passages) or outcome.reason
        assert ZOO[name] in held, f"{name}: {held[:200]}"


def test_a_stop_is_heard_in_the_middle_of_a_file(pool, ingester):
    """
    While it is being read, however long that takes, and while it is embedded. Afterwards it is
    indexed.
    """
    text = " ".join(f"Island {n} has {n % 7} quokkas and a lamp." for n in range(1500))
    told: list[int] = []

    class Reads(Converter):
        """Reads as the others' reader does, which stays as it is."""

        def convert(self, data: bytes, name: str, *_: object) -> Converted:
            return ingester.converter.convert(data, name)

    embedding = replace(
        ingester,
        converter=Reads(),
        task=Task(lambda at: told.append(at.done) if at.done else None, lambda: bool(told)),
    )
    with pytest.raises(Stopped):
        list(embedding.ingest_many([incoming("islands.txt", text)]))
    assert len(told) == 1
    began = time.monotonic()
    with Converter() as reader:
        soon = replace(
            ingester,
            converter=reader,
            task=Task(is_stopping=lambda: time.monotonic() - began > 0.3),
        )
        with pytest.raises(Stopped):
            list(soon.ingest_many(incoming(f"{n}.txt", text) for n in range(99)))
    assert time.monotonic() - began < 10
    assert counts(pool)[:4] == (0, 0, 0, 0)
    with pool.connection() as conn:
        assert {row.document.status for row in document_list.list_all(conn)} <= {"indexing"}
    assert ingester.ingest(incoming("islands.txt", text)).status == "indexed"


def test_a_reader_that_hangs_is_ended_and_the_next_file_is_read():
    """Even where it does not take the file, which is larger than what fits on the way to it."""
    others = {child.pid for child in psutil.Process().children()}
    with Converter() as reader:
        assert "quokka" in reader.convert(b"The quokka sleeps.", "a.txt").text
        (child,) = (
            child
            for child in psutil.Process().children()
            if child.pid not in others and "convert import serve" in " ".join(child.cmdline())
        )
        child.suspend()
        patient, reader.limits = reader.limits, replace(reader.limits, wall_s=1)
        with pytest.raises(InputError, match="took longer than 1 s"):
            reader.convert(b"x" * 5_000_000, "b.txt")
        reader.limits = patient
        assert "heron" in reader.convert(b"The heron waits.", "c.txt").text


def test_the_graph_comes_when_windows_are_many_and_only_then(pool, ingester, monkeypatch):
    """A small library is compared whole. A larger ingest builds the graph once, at its end."""
    told = []
    monkeypatch.setattr(graphs, "GRAPH_FROM", 20)
    loading = replace(
        ingester, task=Task(lambda at: told.append("graph") if at.stage == "graph" else None)
    )
    loading.ingest(incoming("few.txt", "The quokka lives on Rottnest."))
    with pool.connection() as conn:
        assert not graphs.hnsw_is_valid(conn, 1)
    text = " ".join(f"Island {n} has {n % 7} quokkas and a lamp." for n in range(200))
    list(loading.ingest_many([incoming("many.txt", text), incoming("more.txt", text[9:])]))
    with pool.connection() as conn:
        assert graphs.hnsw_is_valid(conn, 1)
    loading.ingest(incoming("late.txt", "The numbat eats termites."))
    assert told == ["graph"]
    assert "numbat" in found(pool, ingester, "what does the numbat eat")[0]


def test_a_large_load_leaves_statistics_to_those_who_ask_next(pool, ingester, monkeypatch):
    """Even without a graph to build. A small one leaves them to autovacuum."""

    def counted():
        with pool.connection() as conn:
            return conn.execute(
                "select reltuples, (select count(*) from posting) from pg_class"
                " where relname = 'posting'"
            ).fetchone()

    text = " ".join(f"Island {n} has {n % 7} quokkas and a lamp." for n in range(60))
    ingester.ingest(incoming("few.txt", text))
    known, there = counted()
    assert known != there
    monkeypatch.setattr(ingest, "MANY_WINDOWS", 10)
    ingester.ingest(incoming("many.txt", text[9:]))
    known, there = counted()
    assert known == there


def test_who_is_given_the_same_document_late_leaves_it_as_it_is(pool, ingester):
    """Two workers have the same queued document. The second one neither doubles nor deletes it."""
    with pool.connection() as conn:
        put = queued.put(conn, source="a.txt", title="a", content=b"The quokka lives on Rottnest.")
    waiting = put.document_id

    class Slow(Converter):
        """The other worker is faster while this one reads."""

        def convert(self, data: bytes, name: str, *_: object) -> Converted:
            found = ingester.converter.convert(data, name)
            queued.index(pool, ingester, [waiting])
            return found

    (late,) = queued.index(pool, replace(ingester, converter=Slow()), [waiting])
    assert (late.status, late.document_id) == ("indexed", waiting)
    assert counts(pool) == (1, 1, 1, counts(pool)[3], 1)
    assert "quokka" in found(pool, ingester, "where does the quokka live")[0]
