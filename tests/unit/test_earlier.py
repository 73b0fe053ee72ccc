"""Earlier turns belong to the answer that took their place."""

from __future__ import annotations

from app.chat.again.earlier import by_answer
from app.chat.rendering import markup
from pipelines.store.chats import Message


def turn(number, role, text="x"):
    return Message(number, role, text, None if role == "user" else "extracts", None, None)


def test_each_earlier_turn_is_under_the_next_answer_that_counts():
    kept = [turn(1, "user"), turn(2, "assistant"), turn(5, "user"), turn(6, "assistant")]
    aside = [turn(3, "user"), turn(4, "assistant"), turn(7, "user"), turn(8, "assistant")]
    found = by_answer(kept, aside)
    assert {answer: [one.id for one in turns] for answer, turns in found.items()} == {6: [3, 4]}


def test_an_earlier_version_is_folded_and_safe():
    """Question and answer, as text: neither is markup."""
    assert markup.earlier([]) == ""
    shown = markup.earlier(
        [turn(1, "user", "<b>why</b>\n\nnow"), turn(2, "assistant", "Not <i>x</i>.")]
    )
    assert shown.startswith('<details class="earlier"><summary>Earlier version</summary>')
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert "Not" in shown
    assert shown.endswith("</details>")
