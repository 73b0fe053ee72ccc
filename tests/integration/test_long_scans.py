"""A long scan: no page is read twice, whatever ends an attempt, and pages are found as they come."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.actions.ingest import open_ingester
from app.worker import upkeep
from pipelines.errors import InputError
from pipelines.indexing import queued, rounds
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import PageText, ReadLimits
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.readers.ocr.engine import engine_name
from pipelines.progress import NO_TASK, Stopped, Task
from pipelines.store import chunks, documents, recognised
from tests import versions as made
from tests.scans import picture, scanned

pytestmark = pytest.mark.skipif(engine_name() is None, reason="no engine for OCR is installed")

WORDS = ("Gate seven", "Harbour light", "Silver birch")
# One page uses up the time of an attempt.
ONE_PAGE = ReadLimits(ocr_s=0.01)


@pytest.fixture(scope="module")
def services(module_dsn, tiny_model, tmp_path_factory):
    with made.opened(module_dsn, tiny_model, tmp_path_factory.mktemp("home"), 2) as opened:
        yield opened


def scan(name: str) -> bytes:
    """Three scanned pages. Each name makes another file."""
    return scanned(f"About {name}", *(picture(words, size=(700, 200)) for words in WORDS))


def incoming(name: str) -> Incoming:
    return Incoming(f"{name}.pdf", f"{name}.pdf", lambda: scan(name))


@contextmanager
def by_pages(services, task=NO_TASK):
    """An ingester whose attempts read one page each."""
    with Converter(ONE_PAGE) as reader, open_ingester(services, task) as ingester:
        yield replace(ingester, converter=reader)


def kept(services) -> list[str]:
    with services.pool.connection() as conn:
        rows = conn.execute("select content from recognised_page order by created_at").fetchall()
    return [row[0].strip() for row in rows]


def text_of(services, source: str) -> str:
    with services.pool.connection() as conn:
        document = documents.indexed(conn, "default", source)
        rows = conn.execute(
            "select text from chunk where document_id = %s order by ordinal", (document.id,)
        ).fetchall()
    return "\n".join(row[0] for row in rows)


class InMemory:
    """Keeps pages as the database does."""

    def __init__(self) -> None:
        self.pages: list[PageText] = []

    def known(self) -> list[PageText]:
        return self.pages

    def keep(self, page: PageText) -> None:
        self.pages.append(page)


def test_a_killed_reader_leaves_its_pages_to_the_next():
    """Also what another engine or other languages have read is not taken for what is wanted."""
    keeper, told = InMemory(), []
    with Converter() as reader:

        def killed(done: int, total: int) -> None:
            told.append(done)
            if done == 2:
                reader._child.kill()

        with pytest.raises(InputError):
            reader.convert(scan("kill"), "a.pdf", killed, keeper)
        assert told == [0, 1, 2]
        assert len(keeper.pages) == 2
        found = reader.convert(scan("kill"), "a.pdf", lambda done, total: told.append(done), keeper)
        assert told == [0, 1, 2, 2]
        assert found == reader.convert(scan("kill"), "a.pdf")
        assert all(words in found.text for words in WORDS)
        told.clear()
        keeper.pages = [replace(page, engine="another") for page in keeper.pages]
        reader.convert(scan("kill"), "a.pdf", lambda done, total: told.append(done), keeper)
    assert told == [0, 1, 2]


def test_pages_are_found_as_they_come_and_kept_until_the_last(services):
    with by_pages(services) as ingester:
        outcome = ingester.ingest(incoming("long"))
        assert outcome.pages_left == 2
        assert "2 of 4 pages still to be read by OCR: 3, 4" in outcome.warnings
        assert WORDS[0] in text_of(services, "long.pdf")
        assert WORDS[1] not in text_of(services, "long.pdf")
        assert kept(services) == [WORDS[0]]
        (last,) = rounds.ingest_wholly(ingester, [incoming("long")])
    assert (last.status, last.pages_left) == ("indexed", 0)
    assert all(words in text_of(services, "long.pdf") for words in WORDS)
    assert kept(services) == []
    with by_pages(services) as ingester:
        assert ingester.ingest(incoming("long")).status == "unchanged"


def test_a_job_goes_on_with_the_rest_in_jobs_of_their_own(services):
    """Even if it is cut off after the document was written, and done again."""
    with services.pool.connection() as conn:
        put = queued.put(conn, source="job.pdf", title="job.pdf", content=scan("job"))
    ids, passes = [put.document_id], 0
    with by_pages(services) as ingester:
        while ids:
            passes += 1
            outcomes = queued.index(services.pool, ingester, ids)
            again = queued.index(services.pool, ingester, ids)
            assert [bool(one.pages_left) for one in again] == [bool(outcomes[0].pages_left)]
            with services.pool.connection() as conn:
                ids = rounds.put_rest(conn, outcomes)
                if passes == 1:  # given once more meanwhile: it waits in place of the rest
                    more = queued.put(conn, source="job.pdf", title="j", content=scan("job"))
                    assert more.status == "queued"
                    ids = [more.document_id]
    assert passes == 3
    with services.pool.connection() as conn:
        assert queued.put(conn, source="job.pdf", title="job.pdf", content=scan("job")).status == (
            "unchanged"
        )
    assert all(words in text_of(services, "job.pdf") for words in WORDS)
    assert kept(services) == []


def test_a_stopped_load_goes_on_with_the_next_page(services):
    """Ctrl-C in the middle: the same command reads on, though its row is gone."""
    told = []

    def tell(progress):
        if progress.item.startswith("scanned page"):
            told.append(progress.item)

    stopping = Task(tell, lambda: len(told) > 1)
    with open_ingester(services, stopping) as ingester, pytest.raises(Stopped):
        ingester.ingest(incoming("stop"))
    assert kept(services)[0] == WORDS[0]
    done = len(kept(services))
    told.clear()
    with open_ingester(services, Task(tell)) as ingester:
        assert ingester.ingest(incoming("stop")).status == "indexed"
    assert len(told) == len(WORDS) - done
    assert kept(services) == []


def test_pages_of_what_is_deleted_or_forgotten_are_not_kept(services):
    with by_pages(services) as ingester:
        ingester.ingest(incoming("gone"))
        assert kept(services) == [WORDS[0]]
        with services.pool.connection() as conn:
            chunks.delete_document(conn, documents.indexed(conn, "default", "gone.pdf").id)
        assert kept(services) == []
        ingester.ingest(incoming("old"))
    with services.pool.connection() as conn:
        conn.execute("update recognised_page set created_at = now() - interval '8 days'")
        assert recognised.any_before(conn, upkeep.KEEP_PAGES)
    upkeep.run(services)
    assert kept(services) == []
