"""Attune's search in other people's Haystack pipelines."""

from __future__ import annotations

import pytest
from haystack import Pipeline
from haystack.components.builders import PromptBuilder
from haystack.utils import Secret

from app.actions import retrain
from app.retriever import AttuneRetriever
from app.services import open_services
from app.settings import Settings
from pipelines.errors import InputError
from pipelines.store import active
from tests import versions as made
from tests.corpus import add_document


@pytest.fixture
def settings(dsn, tiny_model, tmp_path, monkeypatch):
    """An installation with an open and a closed collection, and a visitor's file."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("ATTUNE_BASE_MODEL", str(tiny_model))
    settings = Settings(home=tmp_path)
    with open_services(settings) as opened, opened.pool.connection() as conn:
        for title, collection in (("open", "default"), ("hr", "hr"), ("own", "visitor:ada")):
            texts = [f"{text} " * 4 for text in made.passages(8, of=title)]
            add_document(conn, opened.replica.current(), title, texts, collection=collection)
    return settings


@pytest.fixture
def retriever(settings):
    made = AttuneRetriever(home=str(settings.home), top_k=4)
    yield made
    made.close()


def titles(found):
    return {document.meta["title"] for document in found["documents"]}


def test_it_finds_passages_in_a_pipeline(retriever, dsn):
    """Stored as YAML and loaded again, the pipeline finds the same, and keeps no password."""
    pipeline = Pipeline()
    pipeline.add_component("retriever", retriever)
    template = "{% for one in documents %}{{ one.content }}\n{% endfor %}{{ query }}"
    pipeline.add_component("prompt", PromptBuilder(template, required_variables="*"))
    pipeline.connect("retriever.documents", "prompt.documents")
    question = made.passages(8, of="open")[3]
    given = {"retriever": {"query": question}, "prompt": {"query": question}}
    first = pipeline.run(given, include_outputs_from={"retriever"})
    assert titles(first["retriever"]) <= {"open", "hr"}
    assert first["retriever"]["documents"][0].content in first["prompt"]["prompt"]
    text = pipeline.dumps()
    assert dsn not in text
    again = Pipeline.loads(text, allowed_modules=["app.retriever"])
    try:
        assert again.run(given)["prompt"] == first["prompt"]
    finally:
        loaded = again.get_component("retriever")
        assert isinstance(loaded, AttuneRetriever)
        loaded.close()


def test_what_is_asked_for_is_bounded(retriever):
    """Collections narrow. A visitor's own files are never found. Wrong values are refused."""
    question = made.passages(8, of="own")[2]
    assert "own" not in titles(retriever.run(question, top_k=50))
    assert titles(retriever.run(question, collections=["hr"])) == {"hr"}
    assert len(retriever.run(question, top_k=2)["documents"]) == 2
    for wrong in ({"top_k": 0}, {"top_k": 51}, {"collections": ["visitor:ada"]}, {"query": " "}):
        with pytest.raises(InputError):
            retriever.run(**{"query": question, **wrong})
    with pytest.raises(InputError):
        AttuneRetriever(top_k=0)


def test_a_promotion_takes_effect_in_a_pipeline_that_runs(
    retriever, settings, larger_model, tmp_path
):
    question = made.passages(8, of="open")[3]
    before = retriever.run(question)["documents"][0].meta["version"]
    with open_services(settings) as opened:
        made.register(opened.pool, larger_model, "v1", tmp_path / "models")
        retrain.promote(opened, "v1", who="test", override="It is a test.")
        with opened.pool.connection() as conn:
            assert active.serving(conn).model.name == "v1"
    assert before == "base"
    assert retriever.run(question)["documents"][0].meta["version"] == "v1"


def test_a_stored_component_has_what_it_was_made_with():
    made = AttuneRetriever(Secret.from_env_var("OTHER_URL"), "/data", 9, ["hr"])
    again = AttuneRetriever.from_dict(made.to_dict())
    assert again.to_dict() == made.to_dict()
    assert (again.home, again.top_k, again.collections) == ("/data", 9, ["hr"])
    with pytest.raises(ValueError, match="OTHER_URL"):
        again.run("What of the tide?")
