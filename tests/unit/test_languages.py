"""Each chunk has its language, and text that the encoder cannot read is noticed."""

import pytest

from pipelines.embedder.model_files import bundled_model
from pipelines.embedder.tokens import TokenCounter, tokenizer_file
from pipelines.indexing.embedding import is_readable
from pipelines.text.languages import of_document

ENGLISH = "The committee approved the annual budget after a long debate about roads. " * 10
GERMAN = "Der Ausschuss hat den Haushalt nach langer Debatte über die Straßen beschlossen. " * 10


@pytest.fixture(scope="module")
def reads():
    """Whether the bundled model reads a document of these chunks."""
    counter = TokenCounter(tokenizer_file(bundled_model()))
    return lambda *chunks: is_readable(chunks, counter.offsets(chunks))


def test_chunks_of_a_mixed_document_have_their_own_language():
    mixed = [ENGLISH, GERMAN, ENGLISH]
    assert of_document("\n\n".join(mixed), mixed) == ("en", ["en", "de", "en"])
    assert of_document(ENGLISH + "42", [ENGLISH, "42"]) == ("en", ["en", "en"])
    assert of_document("42 " * 500, ["42 " * 500]) == (None, [None])


def test_languages_that_the_vocabulary_does_not_cover_are_noticed(reads):
    english = "The committee approved the annual budget after a long debate about roads. " * 3
    russian = "Комитет утвердил годовой бюджет после долгого обсуждения состояния дорог. " * 3
    hindi = "समिति ने सड़कों पर लंबी बहस के बाद वार्षिक बजट को मंजूरी दे दी। " * 3
    assert reads(english)
    assert not reads(russian)
    assert not reads(hindi)
    assert not reads(russian, english)
    assert reads(english * 20, russian)  # its beginning is enough


def test_tables_of_numbers_and_codes_are_no_foreign_language(reads):
    """What every vocabulary cuts into many tokens says nothing of the words around it."""
    rows = [
        f"{n:05d} | 12,{n}.50 | DD37Cf93aecA{n} | 2021-0{n % 9}-11 | 4.{n} kg" for n in range(60)
    ]
    assert reads("Part | Price | Code | Date | Weight\n" + "\n".join(rows))
    english = [f"Rank: {n}; Major code: 24{n}; Name: Petroleum engineering; Men: {n}57" for n in range(40)]  # fmt: skip
    assert reads("\n".join(english))
    addresses = [f"* [Book {n}](https://example.org/xq{n}zw-vkjw#kqwz) by Ada Lovelace" for n in range(40)]  # fmt: skip
    assert reads("\n".join(addresses))
    russian = "Комитет утвердил годовой бюджет после долгого обсуждения состояния дорог. "
    assert not reads(russian * 3 + "\n".join(rows))
    assert not reads("谷歌在收购的人工智能公司开发出一款能够用自己的记忆学习新知识并利用这些知识来回答问题的计算机系统。" * 3)  # fmt: skip


def test_a_cover_of_lines_and_boxes_is_no_foreign_language(reads):
    """The first page of a form says little about the language of the rest."""
    cover = "☒ 001-38902 ☐ NYSE: ____________ (415) 612-8582 45-2647441 " * 12
    assert reads(cover, ENGLISH * 6)
