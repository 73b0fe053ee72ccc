"""Greetings and thanks: what is one, and in which language it is answered."""

from __future__ import annotations

import pytest

from pipelines.text import smalltalk


@pytest.mark.parametrize(
    ("message", "begins"),
    [
        ("Hello!", "Hello!"),
        ("hi there 👋", "Hello!"),
        ("Good morning, how are you?", "Hello!"),
        ("Hallo", "Hallo!"),
        ("Guten Tag zusammen", "Hallo!"),
        ("Thanks a lot, that helps!", "You're welcome!"),
        ("ok thank you", "You're welcome!"),
        ("Vielen Dank für die Hilfe", "Gern geschehen!"),
        ("merci beaucoup", "Avec plaisir"),
        ("What can you do?", "I answer questions"),
        ("Was kannst du?", "Ich beantworte Fragen"),
    ],
)
def test_greetings_are_answered_in_their_language(message, begins):
    """A greeting or thanks gets one back that says what can be asked."""
    reply = smalltalk.reply(message)
    assert reply is not None
    assert reply.startswith(begins)
    assert len(reply) > len(begins) + 20


@pytest.mark.parametrize(
    "message",
    [
        "Hello, what does the Business plan cost?",
        "Thanks, and the weight?",
        "Who wrote the greeting?",
        "Hello world program",
        "What is a good morning routine?",
        "Danke für nichts GmbH",
        "",
    ],
)
def test_questions_are_no_greetings(message):
    """A message with anything to search for is searched for."""
    assert smalltalk.reply(message) is None


def test_farewells_do_not_ask_for_more():
    """Who leaves is not told what can be asked."""
    assert smalltalk.reply("Goodbye!") == "Goodbye!"
