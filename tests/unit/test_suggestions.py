"""What the overview suggests next."""

from __future__ import annotations

import pytest

from app.admin.html.suggestions import Facts, suggest

CALM = {
    "own_documents": 12,
    "train_pairs": 400,
    "heldout_pairs": 100,
    "ever_trained": True,
    "evaluated": True,
    "retrieval_p95_ms": 60.0,
}


def test_where_all_is_well_nothing_is_suggested():
    """No sentence for its own sake."""
    assert suggest(Facts(**CALM)) == []


@pytest.mark.parametrize(
    ("facts", "said", "screen"),
    [
        ({"own_documents": 0}, "no documents of your own", "documents"),
        ({"failed_documents": 1}, "1 document could not be read", "documents"),
        ({"unread_language": 2}, "2 documents in a language that", ""),
        ({"not_found": 12}, "12 questions found nothing", "questions"),
        ({"disliked": 5}, "5 answers were disliked", "questions"),
        ({"fresh_likes": 214}, "214 new liked answers", "pairs"),
        ({"review_pairs": 1}, "1 pair waits for review", "pairs"),
        ({"train_pairs": 0, "heldout_pairs": 0}, "no training pairs yet", "pairs"),
        ({"heldout_pairs": 4}, "only 4 held-out pairs", "pairs"),
        ({"ever_trained": False}, "no version was tuned yet", "tune"),
        ({"fresh_pairs": 80}, "80 new pairs since the last run", "tune"),
        ({"evaluated": False}, "never measured", "compare"),
        ({"better": ("v2",)}, "v2 is better than the serving version", "versions"),
        ({"uncompared": ("v3",)}, "v3 was not compared yet", "compare"),
        ({"failed_jobs": 2}, "2 jobs failed", "jobs"),
        ({"retrieval_p95_ms": 900.0}, "900 ms", "jobs"),
    ],
)
def test_each_fact_leads_to_its_tab(facts, said, screen):
    """One fact out of line makes one suggestion, with the tab where it is dealt with."""
    (found,) = suggest(Facts(**CALM | facts))
    assert said in found.fact
    assert found.screen == screen
    assert found.advice


@pytest.mark.parametrize("few", [{"not_found": 2}, {"fresh_likes": 9}, {"fresh_pairs": 49}])
def test_a_few_are_not_worth_a_sentence(few):
    """Noise makes no suggestion."""
    assert suggest(Facts(**CALM | few)) == []


def test_a_run_under_way_asks_for_no_other_run():
    """While a run is active, nobody is asked to tune."""
    facts = CALM | {"fresh_pairs": 900, "busy_training": True}
    assert suggest(Facts(**facts)) == []
    facts = CALM | {"uncompared": ("v3",), "busy_comparing": True}
    assert suggest(Facts(**facts)) == []


def test_faults_come_first_and_good_news_next():
    """What is broken, then what is ready, then the rest."""
    facts = CALM | {"failed_jobs": 1, "better": ("v2",), "review_pairs": 3}
    assert [found.screen for found in suggest(Facts(**facts))] == ["jobs", "versions", "pairs"]
