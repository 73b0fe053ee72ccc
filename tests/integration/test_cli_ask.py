"""`attune ask` as a person or a script runs it."""

from __future__ import annotations

import json
import sys

import pytest

from app import settings
from app.cli import main
from app.services import open_services
from tests.corpus import add_document
from tests.fakes import scripted_llm

REVENUE = "The company grew. Total revenue was $17,455 million in 2021. It rained."


@pytest.fixture
def attune(dsn, tiny_model, tmp_path, monkeypatch, capsys):
    """
    Runs a command in this process on the test's database.

    :returns: Exit code and stdout.
    """
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ATTUNE_LLM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    monkeypatch.setenv("ATTUNE_BASE_MODEL", str(tiny_model))
    monkeypatch.setenv("ATTUNE_LEXICAL_WEIGHT", "0.9")
    settings.load.cache_clear()
    with open_services(settings.load(), pool_size=2) as opened, opened.pool.connection() as conn:
        add_document(conn, opened.replica.current(), "annual.pdf", [REVENUE])

    def run(*arguments: str) -> tuple[int, str]:
        settings.load.cache_clear()
        monkeypatch.setattr(sys, "argv", ["attune", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main.main()
        said = capsys.readouterr()
        run.err = said.err  # type: ignore[attr-defined]
        return ended.value.code, said.out

    yield run
    settings.load.cache_clear()


def test_json_is_one_object_with_everything(attune):
    """Answer, citations with page and span, version and timings, and nothing else on stdout."""
    code, out = attune("ask", "What was the total revenue in 2021?", "--json", "--top-k", "2")
    found = json.loads(out)
    assert code == 0
    assert found["kind"] == "extracts"
    (citation,) = found["citations"]
    assert citation["title"] == "annual.pdf"
    assert citation["page"] == 1
    start, end = citation["span"]
    assert citation["text"][start:end] == citation["highlight"]
    assert citation["highlight"] == "Total revenue was $17,455 million in 2021."
    assert (found["model"], found["epoch"]) == ("base", 1)
    assert {"embed", "sql", "answer", "total"} <= set(found["timings_ms"])


def test_people_read_answer_and_sources(attune):
    """Without --json: the answer, then its numbered sources with page and sentence."""
    code, out = attune("ask", "What was the total revenue in 2021?")
    assert code == 0
    assert "[1] annual.pdf  page 1, Facts" in out
    assert out.count("Total revenue was $17,455 million in 2021.") == 1  # said once


def test_not_found_is_no_failure(attune):
    """A question that the collection cannot answer ends with 0 and says so."""
    code, out = attune("ask", "What?", "--collection", "default")
    assert code == 0
    assert out.startswith("Not in the documents")


@pytest.fixture
def library(attune):
    """Runs a command beside two more documents, one of them of a visitor."""
    with open_services(settings.load(), pool_size=2) as opened, opened.pool.connection() as conn:
        handle = opened.replica.current()
        old = REVENUE.replace("17,455", "11,139").replace("2021", "2020")
        add_document(conn, handle, "annual 2020.pdf", [old], collection="archive")
        add_document(conn, handle, "diary.txt", [REVENUE], collection="visitor:ann")
        (private,) = conn.execute("select id from document where title = 'diary.txt'").fetchone()

    def run(*arguments):
        code, out = attune("ask", "What was the total revenue?", *arguments)
        return code, out, attune.err

    return run, private


@pytest.mark.parametrize(
    ("arguments", "titles"),
    [
        (["--document", "ANNUAL 2020.pdf"], {"annual 2020.pdf"}),
        (["--document", "annual 2020"], {"annual 2020.pdf"}),
        (["--document", "2020"], {"annual 2020.pdf"}),
        (["--document", "annual"], {"annual.pdf"}),  # its whole title without the ending
        (["--document", "2"], {"annual 2020.pdf"}),  # its id
        (["--document", "annual", "--document", "2020"], {"annual.pdf", "annual 2020.pdf"}),
        (["--collection", "archive"], {"annual 2020.pdf"}),
        (["--collection", "archive", "--document", "1"], {"annual.pdf", "annual 2020.pdf"}),
    ],
)
def test_a_question_can_be_limited_to_documents(library, arguments, titles):
    """By id, title, or a part of it, and to collections: together they add up."""
    run, _ = library
    code, out, _ = run(*arguments, "--json")
    assert code == 0
    assert {passage["title"] for passage in json.loads(out)["passages"]} == titles


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--document", "anual.pdf"], "Near it: annual.pdf"),
        (["--document", "nnua"], "fits 2 documents: annual"),
        (["--document", "99"], "no document '99'"),
        (["--document", "diary"], "no document 'diary'"),
        (["--collection", "archiv"], "There is: archive"),
        (["--collection", "visitor:ann"], "begin with"),
    ],
)
def test_a_name_that_fits_nothing_or_several_is_said_with_the_candidates(library, arguments, said):
    run, private = library
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "diary.txt" not in err
    assert run("--document", str(private))[0] == 2


def test_failing_llm_is_done_without(attune, monkeypatch):
    """The documents answer, and one line says why the model did not."""
    with scripted_llm() as fake:
        fake.script = [lambda call: call.fail(401)]
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        code, out = attune("ask", "What was the total revenue in 2021?")
    assert code == 0
    assert out.startswith("Extracts")
    assert "17,455 million" in out
    assert "did not answer: it refused the key (401)" in " ".join(out.split())


def test_an_answer_that_breaks_off_has_its_exit_code(attune, monkeypatch):
    """What was written is shown, and the code says that it is not whole."""

    def half(call):
        call.begin()
        call.piece({"delta": {"content": "Total revenue was $17,455 million [1]. And"}})
        call.hang_up()

    with scripted_llm() as fake:
        fake.script = [half]
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        code, out = attune("ask", "What was the total revenue in 2021?")
    assert code == 6
    assert "Total revenue was" in out
    assert "breaks off here" in out


def test_bytes_that_are_no_character_do_not_count(attune):
    """A shell gives lone surrogates for them: the question is answered without."""
    code, out = attune("ask", "What was the \udcff total revenue\ud800 in 2021?", "--json")
    assert code == 0
    assert json.loads(out)["question"] == "What was the total revenue in 2021?"
    assert json.loads(out)["kind"] == "extracts"
    assert attune("ask", "\udcff")[0] == 2


@pytest.mark.parametrize("question", ["the of and", "What is it?", "???"])
def test_words_that_every_text_has_are_no_question(attune, question):
    code, out = attune("ask", question, "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["kind"], found["passages"]) == ("not_found", [])
    assert found["answer"].startswith("Please ask a fuller question")


@pytest.mark.parametrize("arguments", [("ask", ""), ("ask",), ("ask", "a", "b"), ("ask", "a", "--top-k", "0")])  # fmt: skip
def test_unusable_input_ends_with_2(attune, arguments):
    """A missing or empty question, too many, or a number out of range: one line, exit code 2."""
    assert attune(*arguments)[0] == 2
