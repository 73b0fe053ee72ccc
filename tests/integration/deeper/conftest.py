"""A pump, a valve and somebody's secret, and answerers that look deeper."""

from __future__ import annotations

from functools import partial

import pytest

from pipelines.answering.answer import Answerer
from pipelines.answering.deeper.budget import Budget
from pipelines.answering.llm import LLMOptions
from pipelines.store import scope
from tests.asking import closed_afterwards
from tests.corpus import add_document
from tests.looking import PUMP, SECRET, VALVE
from tests.versions import first_handle


@pytest.fixture
def handle(pool, tiny_model, tmp_path):
    with pool.connection() as conn:
        handle = first_handle(conn, tiny_model, tmp_path)
        add_document(conn, handle, "pump.md", [PUMP])
        add_document(conn, handle, "valve.md", [VALVE])
        add_document(conn, handle, "secret.md", [SECRET], collection=scope.private("somebody"))
    return handle


@pytest.fixture
def make(pool, llm):
    """Builds answerers, and ends their threads."""

    def build(**budget) -> Answerer:
        answerer = Answerer(pool, top_k=3, budget=Budget(**budget))
        options = LLMOptions("scripted", "k", llm.url, 10)
        answerer.stream = partial(answerer.stream, llm=options)
        return answerer

    with closed_afterwards(build) as found:
        yield found
