"""What the language model is told, as its screen shows it. Pure."""

from __future__ import annotations

from markupsafe import Markup

from app.actions.llms.prompts import ShownPrompt
from app.admin.html import parts
from pipelines.answering.events import Answer
from pipelines.answering.prompts.template import PLACEHOLDERS, REFUSAL

MUSTS = (
    f"All three are needed, and so are an example of a citation, such as [1], and the words {REFUSAL},"
    " which the model says when the passages do not hold the answer. What stands before the line of"
    " the passages or of the question is sent as instructions, the rest as the reader's message."
)


def placeholders() -> str:
    """What each placeholder stands for, and what has to be there."""
    rows = [(f"{{{{ {name} }}}}", meaning) for name, meaning in PLACEHOLDERS.items()]
    return parts.stack(parts.table(["Placeholder", "What it brings in"], rows), parts.note(MUSTS))


def state(shown: ShownPrompt) -> str:
    """Whether it is the default, or who changed it."""
    if shown.changed_by is None:
        return parts.stack(parts.note("This is the default."))
    said = Markup("This was changed by {} {}.").format(
        shown.changed_by, parts.when(shown.changed_at)
    )
    return parts.stack(parts.note(said))


def tried(answer: Answer) -> str:
    """An answer that was made to try the instructions."""
    if answer.has_failed_llm:
        return parts.stack(parts.note(answer.note or "", "bad"))
    pieces = [parts.note(answer.text)]
    if answer.uncited:
        pieces.append(parts.note("No source cited.", "warn"))
    if answer.note:
        pieces.append(parts.note(answer.note, "warn"))
    sources = [(f"[{one.number}]", one.title) for one in answer.citations]
    return parts.stack(*pieces, parts.facts(sources))
