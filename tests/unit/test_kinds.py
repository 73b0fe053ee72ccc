"""Which files are read and by whom, and what those that are not, or are damaged, say."""

import pytest

from pipelines.errors import InputError
from pipelines.indexing.readers import kinds
from pipelines.indexing.readers import read as readers
from pipelines.indexing.readers.members import why
from tests import made
from tests.kinds import read


def test_every_kind_has_a_reader():
    known = {*readers._READERS, *readers._HOLDERS}
    assert known == {kind.mime for kind in kinds.KINDS}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.tar.gz", "TAR"), ("A.PDF", "PDF"), ("Makefile", "source code"), ("x/README", "text")],
)
def test_a_kind_is_known_by_its_name(name, kind):
    assert kinds.kind_of(name).name == kind


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("old.dot", ".dot files are not read; save it as DOCX"),
        ("x.gz", ".gz files are not read; unpack it"),
        ("noending", "files without an ending are not read; save it as one of PDF, Word"),
        (".md", "files without an ending"),
    ],
)
def test_what_is_not_read_says_what_to_do(name, said):
    with pytest.raises(InputError) as refused:
        kinds.mime_of(name)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.eml", b"\x00\x01 no mail", "no head of a mail"),
        ("a.msg", b"no mail", "no Outlook mail"),
        ("a.zip", b"PK no zip", "not a complete ZIP"),
        ("a.tar", b"no tar", "not a complete TAR"),
        ("a.epub", b"no zip", "damaged"),
        ("a.odt", b"no zip", "damaged"),
        ("a.odt", made.packed({"content.xml": "<x/>"}), "no readable document"),
        ("a.rtf", b"no rtf", "does not begin like an RTF"),
        ("a.json", b'{"a": 1,', "no JSON (line 1"),
        ("a.json", b"[" * 100_000, "nested"),
        ("a.jsonl", b"no\nlines", "none of its lines is JSON"),
        ("a.xml", b"<a><b></a>", "no XML"),
        ("a.ipynb", b"{}", "no complete notebook"),
        ("a.srt", b"only text", "no lines with times"),
    ],
)
def test_what_is_damaged_says_so(name, data, said):
    with pytest.raises((InputError, RecursionError)) as refused:
        read(data, name)
    assert said in why(refused.value)


def test_the_upload_list_is_the_table():
    assert ".tar.gz" in kinds.endings()
    assert "makefile" in kinds.whole_names()
    assert kinds.readable().startswith("PDF, Word, ")
