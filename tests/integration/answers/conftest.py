"""A small library, and answerers on it."""

from __future__ import annotations

from functools import partial

import pytest

from pipelines.answering.answer import Answerer
from pipelines.answering.llm import LLMOptions
from tests.asking import OFFICES, REVENUE, closed_afterwards
from tests.corpus import add_document
from tests.fakes import ScriptedLLM
from tests.versions import first_handle


@pytest.fixture
def handle(pool, tiny_model, tmp_path):
    with pool.connection() as conn:
        handle = first_handle(conn, tiny_model, tmp_path)
        add_document(conn, handle, "annual.pdf", [REVENUE, OFFICES])
        add_document(conn, handle, "notes.txt", ["Cats sleep all day."], collection="private")
    return handle


@pytest.fixture
def make(pool):
    """Builds answerers, and ends their threads."""

    def build(fake: ScriptedLLM | None = None, timeout_s: float = 10) -> Answerer:
        options = fake and LLMOptions("scripted", "k", fake.url, timeout_s)
        answerer = Answerer(pool, top_k=3)
        answerer.stream = partial(answerer.stream, llm=options)
        answerer.ask = partial(answerer.ask, llm=options)
        return answerer

    with closed_afterwards(build) as found:
        yield found
