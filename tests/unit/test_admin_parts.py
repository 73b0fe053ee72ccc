"""Pieces of the admin's screens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.admin.html import parts, words

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.mark.parametrize(
    "piece",
    [
        parts.pill(HOSTILE),
        parts.table([HOSTILE], [[HOSTILE], [parts.clipped(HOSTILE * 40)]]),
        parts.cards([(HOSTILE, HOSTILE, HOSTILE)]),
        parts.bar(1, 2, HOSTILE),
        parts.bar(1, None, HOSTILE),
        parts.empty(HOSTILE, HOSTILE),
        parts.note(HOSTILE),
    ],
)
def test_whatever_is_handed_in_is_text(piece):
    """No piece lets markup of a document through."""
    assert "<img" not in piece
    assert 'onerror="' not in piece


def test_pieces_may_stand_in_pieces():
    """A pill in a table stays a pill."""
    assert '<span class="pill good">indexed</span>' in parts.table(
        ["state"], [[parts.pill("indexed")]]
    )


@pytest.mark.parametrize(
    ("age_s", "words"),
    [(5, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (200_000, "2 days ago")],
)
def test_age_is_told_in_words(age_s, words):
    """The largest unit that fits."""
    now = datetime(2026, 1, 5, tzinfo=UTC)
    assert words in parts.when(now - timedelta(seconds=age_s), now)


def test_sizes_counts_and_durations_are_readable():
    """Short figures with their unit."""
    assert [words.size(n) for n in (12, 1234, 56_700_000)] == ["12 B", "1.2 KB", "57 MB"]
    assert [words.count(n, "query", "queries") for n in (1, 1200)] == ["1 query", "1,200 queries"]
    assert [words.seconds(s) for s in (None, 12.3, 600, 7200)] == ["", "12 s", "10 min", "2.0 h"]
