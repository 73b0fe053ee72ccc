"""Archives are read to their depth, within limits."""

import io
import zipfile

import pytest

from pipelines.errors import InputError
from tests import made
from tests.kinds import read, titles


def test_archives_are_read_to_their_depth():
    deep = made.packed({"d/deep.txt": "at the bottom"})
    for _ in range(2):
        deep = made.packed({"in.zip": deep})
    found = read(made.packed({"a.md": "# Title\n\ntext", "in.zip": deep, "x.bin": b"1"}), "a.zip")
    assert "at the bottom" in found.text
    assert titles(found)[:2] == [(1, "a.md"), (2, "Title")]
    assert found.notes == ["1 file of a kind that Attune does not read: x.bin"]
    flat = read(made.packed({"a.txt": "top", "in.zip": deep}), "a.zip", depth=2)
    assert flat.text == "a.txt\n\ntop"
    assert "packed more than 2 times" in flat.notes[0]


def test_what_an_archive_may_hold_is_limited():
    many = {f"{n}.txt": f"text {n}" for n in range(10)}
    found = read(made.packed(many), "a.zip", members=3)
    assert found.text.count("text") == 3
    assert found.notes == [
        "7 files left out: at most 3 files of 200 MB together are read from one document"
    ]
    bomb = made.packed({"small.txt": "small", "zeros.txt": b"0" * 3_000_000, "late.txt": "late"})
    found = read(bomb, "a.zip", members_mb=1)
    assert found.text == "small.txt\n\nsmall"
    assert found.notes[0].startswith("2 files left out")


def test_a_tar_follows_no_links_and_says_what_is_damaged():
    found = read(made.tarred({"a.txt": b"one", "b.json": b"{"}), "a.tar.gz")
    assert found.text == "a.txt\n\none"
    assert found.notes[0].startswith("'b.json' not read: the file is damaged")
    with pytest.raises(InputError, match="damaged"):
        read(made.tarred({"a.txt": b"one " * 5000})[:60], "a.tgz")


@pytest.mark.parametrize("way", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_entry_is_named_and_the_others_are_read(way):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bad.txt", "hello world " * 400, compress_type=way)
        archive.writestr("good.txt", "fine text")
    data = bytearray(packed.getvalue())
    for place in range(45, 70):
        data[place] ^= 0x5A
    found = read(bytes(data), "a.zip")
    assert found.text == "good.txt\n\nfine text"
    assert found.notes[0].startswith("'bad.txt' not read: the file is damaged")


def test_an_archive_without_readable_files_says_why():
    with pytest.raises(InputError, match=r"no text in it \(1 file of a kind .*: a.bin\)"):
        read(made.packed({"a.bin": b"1"}), "a.zip")


def test_an_encrypted_entry_is_named():
    data = bytearray(made.packed({"secret.txt": "hidden", "open.txt": "shown"}))
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1  # the flag of encryption in the directory
    found = read(bytes(data), "a.zip")
    assert found.text == "open.txt\n\nshown"
    assert found.notes == ["'secret.txt' not read: it needs a password"]
