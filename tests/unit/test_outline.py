"""Which questions are about whole documents."""

from __future__ import annotations

import pytest

from pipelines.answering import outline


@pytest.mark.parametrize(
    "question",
    [
        "What is this about?",
        "What is this document about?",
        "Summarise this document",
        "Give me a short overview of these files, please",
        "Explain everything",
        "Which documents do you have?",
        "Worum geht es hier?",
        "Fasse das Dokument zusammen",
        "Gib mir einen Überblick",
    ],
)
def test_questions_about_everything_in_view(question):
    """They name no document."""
    assert outline.subject(question) == ""


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("Summarise the harbour report", "the harbour report"),
        ("What is annual.pdf about?", "annual.pdf"),
        ("Fasse den Hafenbericht zusammen", "den hafenbericht"),
    ],
)
def test_questions_about_one_document_name_it(question, about):
    """What they name may be a title."""
    assert outline.subject(question) == about


@pytest.mark.parametrize(
    "question",
    ["What is the torque of the K-53?", "Describe the process", "What is in the box?", "List the risks of tuning"],
)  # fmt: skip
def test_narrower_questions_are_searched(question):
    """A question with a subject of its own is none about whole documents."""
    assert outline.subject(question) is None
