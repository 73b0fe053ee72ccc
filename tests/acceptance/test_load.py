"""
Many people in the chat at once, in short. `python -m bench.load` is the long form with figures.
"""

from __future__ import annotations

import asyncio
import os
import statistics

import pytest

from app.actions.ingest import open_ingester
from bench.load import Seen, Visitor, run, speak
from pipelines.indexing.incoming import Incoming
from tests.fakes import scripted_llm
from tests.serving_app import listening

pytestmark = [pytest.mark.alone, pytest.mark.long]

PLACES = 3


@pytest.fixture(scope="module")
def crowded(module_dsn, tiny_model, tmp_path_factory):
    """A server that answers three questions at a time."""
    home = tmp_path_factory.mktemp("home")
    with (
        scripted_llm() as llm,
        listening(
            module_dsn, tiny_model, home,
            llm="stub", openai_base_url=llm.url, questions_at_once=PLACES, questions_per_minute=0,
        ) as started,
    ):  # fmt: skip
        llm.script = [speak]
        with open_ingester(started.services) as ingester:
            ingester.ingest(
                Incoming("r.md", "R", lambda: b"# Revenue\n\nThe revenue was 17 in 2021.")
            )
        yield started


def test_who_comes_when_all_places_are_taken_is_refused_politely(crowded):
    """Nobody gets an error. A refusal is faster than an answer, and places are free afterwards."""
    seen = Seen()

    async def all_at_once():
        visitors = [Visitor(crowded.url, seen) for _ in range(12)]
        await asyncio.gather(*(visitor.come() for visitor in visitors))
        await visitors[0].ask("What was the revenue?")  # loads what the first question needs
        seen.answered_s.clear()
        await asyncio.gather(*(visitor.ask("What was the revenue?") for visitor in visitors))
        burst = list(seen.answered_s)
        await visitors[0].ask("What was the revenue in 2021?")
        assert len(seen.answered_s) == len(burst) + 1
        assert statistics.median(seen.refused_s) < statistics.median(burst)
        await asyncio.gather(*(visitor.leave() for visitor in visitors))

    asyncio.run(all_at_once())
    assert seen.errors == []
    assert len(seen.refused_s) + len(seen.answered_s) == 13
    assert PLACES + 1 <= len(seen.answered_s) < 13


def test_a_few_readers_are_all_served(crowded):
    """With time to read between questions three places are enough for six."""
    load = run(crowded.url, os.getpid(), 3, questions=2, reading_s=(0.1, 0.3))
    assert load.seen.errors == []
    assert len(load.seen.answered_s) == 6
    assert 0 < len(load.retrieval_s) <= 6  # a deeper look counts as none
