"""What a reasoning model thinks is told from what it answers."""

from __future__ import annotations

import pytest

from pipelines.text.thinking import Thoughts, answer_of


def separated(*pieces: str) -> tuple[str, str]:
    """The answer and the thinking of a text that arrives in pieces."""
    thoughts = Thoughts()
    said = thought = ""
    for part in [p for piece in pieces for p in thoughts.feed(piece)] + thoughts.end():
        if part.takes_back:
            said, thought = "", thought + said
        if part.is_thought:
            thought += part.text
        else:
            said += part.text
    return said, thought


@pytest.mark.parametrize(
    ("text", "said", "thought"),
    [
        ("<think>Hm.</think>\n\nIt is 4 [1].", "It is 4 [1].", "Hm."),
        ("<THINK>Hm.</THINK>Yes.", "Yes.", "Hm."),
        ("<think>Hm, is it", "", "Hm, is it"),
        ("Hm, is it?</think>Yes.", "Yes.", "Hm, is it?"),
        ("<thinking>a</thinking>One. <think>b</think>Two.", "One. Two.", "ab"),
        ("[THINK]a[/THINK]One.", "One.", "a"),
        ("3 < 4 and <b> stay [1].", "3 < 4 and <b> stay [1].", ""),
        ("It ends in <th", "It ends in <th", ""),
        ("", "", ""),
    ],
)
def test_whole_and_letter_by_letter(text, said, thought):
    """However it arrives: closed, never closed, never opened, or no thinking at all."""
    assert separated(text) == (said, thought)
    assert separated(*text) == (said, thought)
    assert answer_of(text) == said.strip()
