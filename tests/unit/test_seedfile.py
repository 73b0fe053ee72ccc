"""A broken file of pairs gets one clear sentence. A sound one is read back unchanged."""

import csv
import json
from typing import Any

import pytest

from pipelines.errors import InputError
from training.pairs import seedfile
from training.pairs.seedfile import SeedFile

SOUND: dict[str, dict[str, Any]] = {
    "queries": {"a": "What is it?", "b": "Who, and when?"},
    "corpus": {"x": 'It is "this",\nand that.', "y": "She, in 1999."},
    "relevant_docs": {"a": ["x"], "b": ["y", "x"]},
}


def changed(**parts):
    return json.dumps({**SOUND, **parts})


BROKEN = {
    "{": "not JSON",
    " ": "empty",
    "[1, 2]": "a list",
    "3": "a number",
    json.dumps({"queries": {}, "corpus": {}}): "'relevant_docs'",
    changed(queries=["What?"]): "'queries' is a list",
    changed(queries={"a": "", "b": "Who?"}): "queries['a'] is empty",
    changed(queries={"a": "What?", "b": 5}): "queries['b'] is a number",
    changed(corpus={"x": "It.", "y": None}): "corpus['y'] is null",
    changed(corpus={"x": "It."}): "'y', which is not in 'corpus'",
    changed(relevant_docs={"a": ["x"]}): "queries['b'] has no entry",
    changed(relevant_docs={"a": ["x"], "b": []}): "relevant_docs['b'] is empty",
    changed(relevant_docs={"a": "x", "b": ["y"]}): "relevant_docs['a'] is text",
    changed(relevant_docs={**SOUND["relevant_docs"], "c": ["x"]}): "belongs to no question",
    changed(queries={"a": "What?"}, relevant_docs={"a": ["x"]}): "1 question;",
    '{"queries": {"a": "What?", "a": "Who?"}, "corpus": {}, "relevant_docs": {}}': "'a' twice",
    changed(corpus={"x": "It.\0", "y": "She."}): "NUL",
    changed(corpus={"x": "It.", "y": "\ud800"}): "half a character",
    "[" * 100_000: "nested too deeply",
}


@pytest.mark.parametrize(("text", "said"), BROKEN.items(), ids=BROKEN.values())
def test_a_broken_file_is_refused_in_one_sentence(tmp_path, text, said):
    """The sentence names the file and the place."""
    path = tmp_path / "pairs.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        seedfile.read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert said in message
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "the first row"),
        ("question,passage\nWhat?,It.\nWho?,\n", "line 3: the passage is empty"),
        ("question,passage\nWhat?,It.\nWho?\n", "line 3: 1 columns"),
        ('question,passage\n"What?,It.\n', "line 2"),
        ("question,passage\nWhat?,It.\n", "1 question;"),
    ],
)
def test_a_broken_csv_names_its_line(tmp_path, text, said):
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        seedfile.read(path)


def test_files_that_are_no_text_are_refused(tmp_path):
    """A missing file, a folder and bytes get different messages."""
    (tmp_path / "bytes.json").write_bytes(b"{\xff\xfe")
    for name, said in (("none.json", "not exist"), ("", "folder"), ("bytes.json", "not UTF-8")):
        with pytest.raises(InputError, match=said):
            seedfile.read(tmp_path / name)


def test_json_comes_back_as_it_was(tmp_path):
    seed = SeedFile(**SOUND)
    seedfile.write(tmp_path / "pairs.json", seed)
    assert seedfile.read(tmp_path / "pairs.json") == seed
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.json"]


def test_csv_keeps_texts_and_what_answers_what(tmp_path):
    """Quotes, commas and line ends survive. New ids are made from the texts."""
    seedfile.write(tmp_path / "pairs.csv", SeedFile(**SOUND))
    found = seedfile.read(tmp_path / "pairs.csv")
    answers = {
        found.queries[q]: {found.corpus[p] for p in passages}
        for q, passages in found.relevant_docs.items()
    }
    assert answers == {
        SOUND["queries"][q]: {SOUND["corpus"][p] for p in passages}
        for q, passages in SOUND["relevant_docs"].items()
    }


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'=1+1",
    "''@x",
    "\uff1d1",
    "=cmd|' /C calc'!A0",
    "'quoted' word",
]


def test_csv_holds_no_formulas_and_comes_back_as_it_was(tmp_path):
    """A spreadsheet would run them when somebody opens the file. JSON has the text unchanged."""
    seed = SeedFile(
        {str(n): text for n, text in enumerate(FORMULAS)},
        {str(n): f"{text}\nmore" for n, text in enumerate(FORMULAS)},
        {str(n): [str(n)] for n in range(len(FORMULAS))},
    )
    path = tmp_path / "pairs.csv"
    seedfile.write(path, seed)
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert [row[0] for row in rows[1:] if row and row[0][:1] in tuple("=+-@\uff1d")] == []
    again = seedfile.read(path)
    assert list(again.queries.values()) == FORMULAS
    assert list(again.corpus.values()) == list(seed.corpus.values())
