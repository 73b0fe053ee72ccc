"""Each chunk has its language, and text that the encoder cannot read is noticed."""

from pipelines.artifacts import bundled_model
from pipelines.convert import Converted
from pipelines.encoder import TokenCounter, tokenizer_file
from pipelines.incoming import warnings_of
from pipelines.languages import of_chunks, reads

ENGLISH = "The committee approved the annual budget after a long debate about roads. " * 10
GERMAN = "Der Ausschuss hat den Haushalt nach langer Debatte über die Straßen beschlossen. " * 10


class Counting:
    """An encoder that counts as the bundled model does, and embeds nothing."""

    token_offsets = staticmethod(TokenCounter(tokenizer_file(bundled_model())).offsets)


def test_chunks_of_a_mixed_document_have_their_own_language():
    mixed = [ENGLISH, GERMAN, ENGLISH]
    assert of_chunks(mixed, "\n\n".join(mixed), "en") == ["en", "de", "en"]
    assert of_chunks([ENGLISH, "42"], ENGLISH + "42", "en") == ["en", "en"]


def test_languages_that_the_vocabulary_does_not_cover_are_noticed():
    english = "The committee approved the annual budget after a long debate about roads. " * 3
    russian = "Комитет утвердил годовой бюджет после долгого обсуждения состояния дорог. " * 3
    hindi = "समिति ने सड़कों पर लंबी बहस के बाद वार्षिक बजट को मंजूरी दे दी। " * 3
    assert reads(Counting(), english)
    assert not reads(Counting(), russian)
    assert not reads(Counting(), hindi)


def test_a_cover_of_lines_and_boxes_is_no_foreign_language():
    """The first page of a form tells little of the language in which the rest is written."""
    cover = "☒ 001-38902 ☐ NYSE: ____________ (415) 612-8582 45-2647441 " * 12
    found = warnings_of(Converted(cover + ENGLISH * 6, [], [], "application/pdf"), "en", Counting())
    assert found == []
