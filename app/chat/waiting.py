"""The placeholder of an answer until it is complete, as HTML. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.chat.rendering import markup
from app.chat.rendering.escaping import escape
from pipelines.store.chats import Shown

if TYPE_CHECKING:
    from app.chat.turns import AnswerProgress

# A shorter wait is not shown.
PATIENCE_S = 5
# Characters of the thinking that are sent to the page at each step.
LONGEST_THINKING = 1500
STEPS = {
    "rewrite": "Reading the conversation…", "search": "Searching…", "deeper": "Looking deeper…",
}  # fmt: skip


def growing(step: AnswerProgress) -> str:
    """The text so far, the steps, the status, and the hits, which many steps would make too many."""
    parts = [
        markup.growing(step.text, step.found), markup.steps(step.steps), _status(step),
        _thinking(step), "" if step.steps else _sources(step.found),
    ]  # fmt: skip
    return "\n\n".join(filter(None, parts))


def status(step: AnswerProgress) -> str:
    """The current step, with the seconds if it takes long. Empty while text arrives."""
    waited = int(step.waited_s) if step.waited_s >= PATIENCE_S else 0
    if step.text:
        return f"The language model has been silent for {waited} s." if waited else ""
    return _under_way(step) + (f" {waited} s" if waited else "")


def _under_way(step: AnswerProgress) -> str:
    if step.stage != "answer":
        return STEPS[step.stage]
    count = len(step.found)
    done = f"Found {count} {'passage' if count == 1 else 'passages'}."
    if step.retry is not None:
        again = f"trying again ({step.retry.attempt} of {step.retry.attempts})…"
        return f"{done} The language model {step.retry.reason}, {again}"
    return f"{done} Thinking…" if step.thinking else f"{done} Writing…"


def _status(step: AnswerProgress) -> str:
    words = status(step)
    return f'<p class="waiting">{escape(words)}</p>' if words else ""


def _thinking(step: AnswerProgress) -> str:
    """The end of what the model thinks, folded. It is no part of the answer."""
    if not step.thinking:
        return ""
    words = _plain(step.thinking[-LONGEST_THINKING:])
    return (
        f'<details class="thinking"><summary>Thinking</summary><p dir="auto">{words}</p></details>'
    )


def _sources(found: Sequence[Shown]) -> str:
    """The hits, each with a link that the page's script opens in the panel."""
    rows = (
        f'<li dir="auto"><a class="source" href="#source-0-{passage.number}">'
        f"{_plain(passage.title)}</a> <small>{_plain(markup.place(passage))}</small></li>"
        for passage in found
    )
    return f'<ul class="sources">{"".join(rows)}</ul>' if found else ""


def _plain(text: str) -> str:
    """Text inside HTML on one line, because a blank line would end the HTML and begin Markdown."""
    return escape(" ".join(text.split()))
