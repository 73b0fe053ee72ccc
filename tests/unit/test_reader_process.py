"""The process that reads files: no secrets in its environment, and nothing it sends is trusted."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import pytest

from pipelines.errors import InputError
from pipelines.indexing import child
from pipelines.indexing.convert import Converter, parse_answer
from pipelines.indexing.converted import Converted

SECRET = "sk-do-not-tell"
# A child that has been taken over: it answers the first file with what is in place of ANSWER.
TAKEN_OVER = """
import sys
from multiprocessing.connection import Connection
pipe = Connection(int(sys.argv[1]))
pipe.recv_bytes(), pipe.recv_bytes()
pipe.send_bytes(ANSWER)
"""


class Harm:
    """Unpickling it would create a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_text_comes_back_as_it_was_found():
    found = Converted(
        "Größe\n\n潮", [(0, 1)], [(0, 1, "Größe")], "text/plain", None, 2, ["a chart"]
    )
    answer = json.dumps(vars(found), ensure_ascii=False).encode()
    assert parse_answer(answer) == found
    assert parse_answer(b'"it is damaged"') == "it is damaged"


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"{", b"[]", b"7", b'{"text": 1}', b"\xff\xfe",
        b'{"text":"a","pages":[["0",1]],"headings":[],"mime":"m","encoding":null,"removed":0,"notes":[]}',
    ],
)  # fmt: skip
def test_an_answer_of_another_form_is_refused(answer):
    with pytest.raises(ValueError, match="cannot be read"):
        parse_answer(answer)


def test_what_a_child_sends_is_not_unpickled(tmp_path, monkeypatch):
    """The file is refused, and the next one has a reader again."""
    harm = pickle.dumps(Harm(str(tmp_path / "harm")))
    with Converter() as reader:
        with monkeypatch.context() as patched:
            patched.setattr(reader, "_program", TAKEN_OVER.replace("ANSWER", repr(harm)))
            with pytest.raises(InputError, match="its reader is damaged"):
                reader.convert(b"text", "a.txt")
        assert not (tmp_path / "harm").exists()
        assert reader.convert(b"The ferry leaves at nine.", "a.txt").text.startswith("The ferry")


def test_news_that_cannot_be_told_leaves_no_answer_behind():
    """What fails while a child still works ends it: its answer is not that about the next file."""
    tells = (
        "import sys; from multiprocessing.connection import Connection;"
        "pipe = Connection(int(sys.argv[1])); pipe.recv_bytes(); pipe.recv_bytes();"
        "pipe.send_bytes(b'[0, 2]'); pipe.send_bytes(b'\"the answer about a\"');"
        "pipe.recv_bytes(); pipe.recv_bytes(); pipe.send_bytes(b'\"the answer about b\"')"
    )

    def fails(done: int, total: int) -> None:
        raise RuntimeError(f"{done} of {total}")

    with Converter() as reader:
        reader._program = tells
        with pytest.raises(RuntimeError, match="0 of 2"):
            reader.convert(b"text", "a.txt", fails)
        with pytest.raises(InputError, match="the answer about a"):
            reader.convert(b"text", "b.txt")


def test_the_child_finds_no_secrets(monkeypatch):
    """Its environment, as the system shows it, has what it needs to run and nothing else."""
    for name in (
        "OPENAI_API_KEY",
        "DATABASE_URL",
        "ATTUNE_ADMIN_PASSWORD",
        "AWS_SECRET_ACCESS_KEY",
    ):
        monkeypatch.setenv(name, SECRET)
    tells = (
        "import os, sys; from multiprocessing.connection import Connection;"
        "pipe = Connection(int(sys.argv[1])); pipe.recv_bytes(); pipe.recv_bytes();"
        "import json; pipe.send_bytes(json.dumps(json.dumps(dict(os.environ))).encode())"
    )
    with Converter() as reader:
        monkeypatch.setattr(reader, "_program", tells)
        with pytest.raises(InputError) as told:
            reader.convert(b"text", "a.txt")
    environment = json.loads(str(told.value))
    assert SECRET not in environment.values()
    assert set(environment) <= {*child.PASSED_ON, "PYTHONPATH"}
    assert environment["PATH"] == os.environ["PATH"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has no_new_privs")
def test_the_child_cannot_gain_rights():
    program = (
        "from pipelines.indexing import child; child.give_up_privileges();"
        "print(open('/proc/self/status').read())"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "NoNewPrivs:\t1" in shown.stdout
