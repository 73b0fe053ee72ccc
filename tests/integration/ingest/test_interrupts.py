"""A stop, a cut and a reader that fails, in the middle of files: nothing is half in."""

from __future__ import annotations

import io
import time
import zlib
from contextlib import closing
from dataclasses import replace

import psutil
import pytest
from pypdf import PdfWriter
from pypdf.generic import NameObject, StreamObject

from pipelines.errors import InputError
from pipelines.indexing import queued
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import Converted
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.progress import Stopped, Task
from pipelines.store import document_list
from tests.ingesting import counts, incoming


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
    for file in files[2:4]:
        # It may have been in before the interrupt.
        before = standing.get(file.source)
        is_in = before is not None and before.status == "indexed"
        assert ingester.ingest(file).status == ("unchanged" if is_in else "indexed")


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
    assert time.monotonic() - began < 60
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
