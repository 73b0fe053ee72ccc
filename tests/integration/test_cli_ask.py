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
        return ended.value.code, capsys.readouterr().out

    yield run
    settings.load.cache_clear()


def test_json_is_one_object_with_everything(attune):
    """Answer, citations with page and span, version and timings, and nothing else on stdout."""
    code, out = attune("ask", "What was the total revenue in 2021?", "--json", "--top-k", "2")
    found = json.loads(out)
    assert code == 0
    assert found["kind"] == "extracts"
    (citation,) = found["citations"]
    assert citation["document"] == "annual.pdf"
    assert citation["page"] == 1
    start, end = citation["span"]
    assert citation["text"][start:end] == citation["highlighted"]
    assert citation["highlighted"] == "Total revenue was $17,455 million in 2021."
    assert (found["model_version"], found["epoch"]) == ("base", 1)
    assert {"embed", "sql", "answer", "total"} <= set(found["timings_ms"])


def test_people_read_answer_and_sources(attune):
    """Without --json: the answer, then its numbered sources with page and sentence."""
    code, out = attune("ask", "What was the total revenue in 2021?")
    assert code == 0
    assert "[1] annual.pdf  page 1, Facts" in out
    assert out.count("Total revenue was $17,455 million in 2021.") == 1  # said once


def test_not_found_is_no_failure(attune):
    """A question that the collection cannot answer ends with 0 and says so."""
    code, out = attune("ask", "What?", "--collection", "nothing-here")
    assert code == 0
    assert out.startswith("Not in the documents")


def test_failing_llm_has_its_exit_code(attune, monkeypatch):
    """A provider's fault ends with 6, a plain message, and the nearest passages."""
    with scripted_llm() as fake:
        fake.script = [lambda call: call.fail(401)]
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        code, out = attune("ask", "What was the total revenue in 2021?")
    assert code == 6
    assert "refused the key (401)" in out
    assert "Nearest passages" in out


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
