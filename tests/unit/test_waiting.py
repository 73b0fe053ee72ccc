"""The text shown while an answer is on its way."""

from __future__ import annotations

from html import unescape
from uuid import UUID

import pytest

from app.chat.turns import AnswerProgress
from app.chat.waiting import growing, status
from pipelines.answering.events import Retrying
from pipelines.store.chats import Shown

CONVERSATION = UUID(int=1)
SHOWN = [
    Shown(1, 1, 1, "Rates\n\n# of <b>mooring</b>", 3, None, "text", None, 0.5, cited=True),
    Shown(2, 2, 2, "Rules", None, "Berths > When to move", "text", None, 0.4, cited=True),
]


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        ({}, "Searching…"),
        ({"waited_s": 4.9}, "Searching…"),
        ({"waited_s": 7.8}, "Searching… 7 s"),
        ({"stage": "rewrite"}, "Reading the conversation…"),
        ({"stage": "answer", "found": SHOWN}, "Found 2 passages. Writing…"),
        ({"stage": "answer", "found": SHOWN[:1], "waited_s": 12}, "Found 1 passage. Writing… 12 s"),
        (
            {"stage": "answer", "found": SHOWN, "retry": Retrying(2, 3, "is busy"), "waited_s": 6},
            "Found 2 passages. The language model is busy, trying again (2 of 3)… 6 s",
        ),
        ({"stage": "answer", "found": SHOWN, "text": "It is", "waited_s": 3}, ""),
        (
            {"stage": "answer", "found": SHOWN, "text": "It is", "waited_s": 12.3},
            "The language model has been silent for 12 s.",
        ),
    ],
)
def test_status_says_what_is_done_and_what_is_under_way(progress, words):
    """With the seconds from the fifth on, and nothing while words come."""
    assert status(AnswerProgress(CONVERSATION, **progress)) == words


def test_sources_are_links_and_their_titles_only_text():
    """No title ends the list or puts markup into the page."""
    shown = growing(AnswerProgress(CONVERSATION, stage="answer", found=SHOWN))
    link = '<a class="source" href="#source-0-1">Rates # of <b>mooring</b></a>'
    assert link in unescape(shown)
    assert shown.count("<b") == 0
    assert '<a class="source" href="#source-0-2">Rules</a> <small>When to move</small>' in shown
    assert "\n\n" not in shown[shown.index("<ul") :]
