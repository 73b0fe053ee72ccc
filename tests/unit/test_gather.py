"""Which files are embedded together, and when a load counts as large."""

from __future__ import annotations

from concurrent.futures import Future

from pipelines.indexing.converted import Converted
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.load.bulk import BULK_CHUNKS, Bulk
from pipelines.indexing.load.stages import GROUP_CHARS, gathered
from pipelines.indexing.records import ReadFile, SplitText
from pipelines.indexing.split import ChunkDraft
from pipelines.store.ids import DocumentId


def read_file(name: str, chars: int) -> ReadFile:
    text = "x" * chars
    chunks = [ChunkDraft(text[n : n + 1000], None, None, n, n + 1000, ()) for n in range(0, chars, 1000)]  # fmt: skip
    split = SplitText(Converted(text, [], [], "text/plain"), chunks, [], None)
    return ReadFile(Incoming(name, name, bytes, size_bytes=chars), DocumentId(1), "", split)


def groups(*files: ReadFile) -> list[list[str]]:
    """The groups of files that are all read already."""
    by_name = {file.file.source: file for file in files}

    def read(file: Incoming) -> Future[ReadFile]:
        future: Future[ReadFile] = Future()
        future.set_result(by_name[file.source])
        return future

    found = gathered([file.file for file in files], read, lambda: None)
    return [[one.file.source for one in group] for group in found]


def test_a_long_file_is_no_company_for_short_ones():
    """Short ones are embedded together, and are in before the long one has begun."""
    files = read_file("a", 400), read_file("b", 2000), read_file("book", 3 * GROUP_CHARS)
    assert groups(*files) == [["a", "b"], ["book"]]
    assert groups(read_file("long", GROUP_CHARS), read_file("longer", GROUP_CHARS + 1)) == [
        ["long"],
        ["longer"],
    ]


def test_a_load_is_large_from_the_group_on_that_makes_it_so():
    """Earlier groups wait for nothing. It is reported once, with texts of all groups so far."""
    bulk = Bulk()
    assert not bulk.due([read_file("note", 400)])
    assert len(bulk.due([read_file("book", BULK_CHUNKS * 1000)])) == BULK_CHUNKS + 1
    assert not bulk.due([read_file("another", BULK_CHUNKS * 1000)])
