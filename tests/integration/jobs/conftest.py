"""A worker on a database with one document, and a language model that waits for a test."""

from __future__ import annotations

import json
import threading

import pytest

from app import queue
from app.services import open_services
from app.settings import Settings
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import scripted_llm
from tests.workers import working

ASKED = json.dumps({"questions": ["How many ships has the old harbour?"]})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def services(module_dsn, tiny_model, home):
    """With one document of ten passages long enough to be asked about."""
    given = {"home": home, "DATABASE_URL": module_dsn, "base_model": str(tiny_model)}
    with open_services(Settings(device="cpu", **given)) as opened:
        with opened.pool.connection() as conn:
            texts = [f"{text} " * 4 for text in made.passages(10)]
            add_document(conn, opened.replica.current(), "one", texts)
        yield opened


class Model:
    """A language model that answers only when it may."""

    def __init__(self, llm):
        self.llm, self.may_answer = llm, threading.Event()
        llm.script = [self._answer]

    def _answer(self, call):
        self.may_answer.wait(600)
        call.say(ASKED)


@pytest.fixture(scope="module")
def model():
    with scripted_llm() as llm:
        found = Model(llm)
        yield found
        found.may_answer.set()


@pytest.fixture(scope="module")
def start(services, model, home, module_dsn, tiny_model):
    """Starts a worker."""
    environment = {"OPENAI_BASE_URL": model.llm.url, "ATTUNE_LLM": "m"}
    return lambda: working(home, module_dsn, tiny_model, **environment)


@pytest.fixture(scope="module")
def worker(start):
    """A worker for all tests that leave it alive."""
    with start() as found:
        yield found


@pytest.fixture
def asking(services, model):
    """A job that runs until the model may answer: pairs of ten passages, made again."""
    model.may_answer.clear()
    model.llm.requests.clear()
    return queue.defer(
        services, "generate", who="eve", source="llm", per_passage=1, limit=10, again=True
    )
