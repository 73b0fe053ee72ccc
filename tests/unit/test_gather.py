"""Which files are embedded together, and when a load counts as large."""

from __future__ import annotations

from concurrent.futures import Future

from pipelines.indexing.converted import Converted
from pipelines.indexing.groups import BULK_CHUNKS, GROUP_CHARS, Bulk, gathered
from pipelines.indexing.split import ChunkDraft
from pipelines.indexing.stages import Draft, Incoming, Prepared
from pipelines.store.ids import DocumentId


def prepared(name: str, chars: int) -> Prepared:
    text = "x" * chars
    chunks = [ChunkDraft(text[n : n + 1000], None, None, n, n + 1000, ()) for n in range(0, chars, 1000)]  # fmt: skip
    draft = Draft(DocumentId(1), Converted(text, [], [], "text/plain"), chunks, [], None)
    return Prepared(Incoming(name, name, bytes, size_bytes=chars), 0.0, draft=draft)


def groups(*files: Prepared) -> list[list[str]]:
    """The groups of files that are all read already."""
    by_name = {file.file.source: file for file in files}

    def read(file: Incoming) -> Future[Prepared]:
        future: Future[Prepared] = Future()
        future.set_result(by_name[file.source])
        return future

    found = gathered([file.file for file in files], read, lambda: None)
    return [[one.file.source for one in group] for group in found]


def test_a_long_file_is_no_company_for_short_ones():
    """Short ones are embedded together, and are in before the long one has begun."""
    files = prepared("a", 400), prepared("b", 2000), prepared("book", 3 * GROUP_CHARS)
    assert groups(*files) == [["a", "b"], ["book"]]
    assert groups(prepared("long", GROUP_CHARS), prepared("longer", GROUP_CHARS + 1)) == [
        ["long"],
        ["longer"],
    ]


def test_a_load_is_large_from_the_group_on_that_makes_it_so():
    """Earlier groups wait for nothing. It is reported once, with texts of all groups so far."""
    bulk = Bulk()
    assert not bulk.due([prepared("note", 400)])
    assert len(bulk.due([prepared("book", BULK_CHUNKS * 1000)])) == BULK_CHUNKS + 1
    assert not bulk.due([prepared("another", BULK_CHUNKS * 1000)])
