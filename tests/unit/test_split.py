"""Chunks are exact spans within the given length, and know their page and headings."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.indexing.converted import Block, assemble
from pipelines.indexing.split import split
from pipelines.text import places

WORDS = st.text(alphabet="abc de.\n", min_size=1, max_size=300)
BLOCKS = st.lists(
    st.builds(
        Block, WORDS, st.one_of(st.none(), st.integers(1, 9)), st.one_of(st.none(), st.just(2))
    ),
    min_size=1,
    max_size=12,
)


@given(BLOCKS, st.integers(40, 400))
def test_chunks_are_exact_and_lose_nothing(blocks, most):
    """Every chunk is the document's own text at its span, in order, and all words are in one."""
    if not any(block.text.strip() for block in blocks):
        return
    document = assemble(blocks, "text/plain")
    chunks = split(document, most)
    end = 0
    for chunk in chunks:
        assert chunk.text == document.text[chunk.char_start : chunk.char_end]
        assert 0 < len(chunk.text) <= most
        assert document.text[end : chunk.char_start].strip() == ""
        end = chunk.char_end
    assert document.text[end:].strip() == ""


def test_pages_and_heading_paths():
    """A chunk carries the page of its middle and the headings above that, outermost first."""
    filler = "Plain words of a paragraph that fills the page. " * 8
    document = assemble(
        [
            Block("Report", page=1, level=1),
            Block("Costs", page=1, level=2),
            Block(filler, page=1),
            Block("Staff", page=2, level=3),
            Block(filler, page=2),
            Block("Outlook", page=3, level=2),
            Block(filler, page=3),
        ],
        "application/pdf",
    )
    found = [(chunk.page, chunk.heading) for chunk in split(document, 500)]
    assert found == [
        (1, "Report > Costs"),
        (2, "Report > Costs > Staff"),
        (3, "Report > Outlook"),
    ]


def test_chunk_over_a_short_page_knows_where_the_next_begins():
    """The end of a page that is too short for a chunk joins the next. Each part keeps its place."""
    filler = "Plain words of a paragraph that fills the page. " * 8
    document = assemble(
        [
            Block("Costs", page=1, level=2),
            Block("They fell.", page=1),
            Block("Staff", page=2, level=2),
            Block(filler, page=2),
        ],
        "application/pdf",
    )
    (chunk,) = split(document, 500)
    assert (chunk.page, chunk.heading) == (2, "Staff")
    assert [(place.page, place.heading) for place in chunk.places] == [(1, "Costs"), (2, "Staff")]
    fell = chunk.text.index("They fell.")
    assert places.at(chunk.places, fell) == places.Place(0, 1, "Costs")
    assert chunk.text[chunk.places[1].start :].startswith("Staff")


@given(BLOCKS, st.integers(40, 400))
def test_every_place_is_the_documents_own(blocks, most):
    """What a chunk says of the page of a character is what the document says."""
    if not any(block.text.strip() for block in blocks):
        return
    document = assemble(blocks, "text/plain")
    for chunk in split(document, most):
        for offset in range(0, len(chunk.text), 7):
            before = [n for start, n in document.pages if start <= chunk.char_start + offset]
            found = places.at(chunk.places, offset)
            assert found is not None
            assert found.page == (before[-1] if before else None)
