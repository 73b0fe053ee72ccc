"""Files become searchable documents, change and go, or say why they are not read."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pipelines.answering.answer import Answerer
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.paths import why_not_read
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers.ocr.engine import engine_name
from pipelines.progress import Task
from pipelines.store import chunks, document_list, document_passages, documents
from tests.ingesting import counts, found, incoming


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


def test_real_documents_are_read_right_or_refused_with_a_reason(pool, ingester, shared_data):
    files = [Incoming.from_path(shared_data / "zoo" / name) for name in ZOO]
    outcomes = {outcome.source: outcome for outcome in ingester.ingest_many(files)}
    for name, file in zip(ZOO, files, strict=True):
        outcome = outcomes[file.source]
        with pool.connection() as conn:
            passages = document_passages.of_document(conn, outcome.document_id)
        held = "\n".join(passage.text for passage in passages) or outcome.reason
        assert ZOO[name] in held, f"{name}: {held[:200]}"
