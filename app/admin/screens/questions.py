"""Questions: what people asked, what found nothing, how they voted, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from app.actions.pairs import reviewing
from app.admin.html import parts, words
from app.admin.html import questions as html
from app.admin.screen import Pager, Screen, View, clickable, header, picked
from pipelines.errors import InputError
from pipelines.search import hybrid
from pipelines.store import evaluations, feedback
from pipelines.store.db import Connection
from pipelines.store.feedback import QuestionDetail, Verdict, Which
from training.evaluation.figures import voted
from training.pairs.collect import MOST_PER_VISITOR
from training.pairs.teach import Lesson, Use

WHICH: dict[str, Which] = {
    "All": "all",
    "Found nothing": "not_found",
    "Liked": "liked",
    "Disliked": "disliked",
    "To review": "waiting",
}
FOUND = 6
RECENT_EVALUATIONS = 5
DONE = {
    "train": "Kept as a training pair.",
    "heldout": "Kept as a held-out question. Nothing is trained on it.",
    "wrong": "The marked sources are kept as wrong for this question.",
}


def build(screen: Screen) -> None:
    """Fill the tab."""
    _QuestionsScreen(screen)


class _QuestionsScreen:
    def __init__(self, screen: Screen) -> None:
        self._services = screen.services
        self._pool = screen.services.pool
        header(
            "Questions",
            "What people asked, and how they voted on the answers. Mark the right source. Then keep"
            " the question for training, or hold it out to judge versions.",
        )
        self.moved = gr.HTML(elem_id="votes-moved")
        with gr.Row(elem_classes="tools"):
            self.which = gr.Radio(
                list(WHICH), value="All", label="Which", show_label=False, container=False,
                elem_classes="filter", elem_id="questions-which", scale=3, min_width=280,
            )  # fmt: skip
            self.search = gr.Textbox(
                label="Search", show_label=False, container=False, max_lines=1,
                placeholder="Search questions", elem_id="questions-search", scale=2, min_width=160,
            )  # fmt: skip
        self.table = clickable("questions-table", value=parts.LOADING)
        self.pager = Pager("questions")
        self.opened = gr.State(None)
        self.found = gr.State([])  # ids of chunks that an admin searched for
        with gr.Group(
            visible=False, elem_classes="card-group", elem_id="question-card"
        ) as self.card:
            self.detail = clickable("question-detail")
            with gr.Row(elem_classes="tools"):
                self.look_for = gr.Textbox(
                    label="Find a passage", show_label=False, container=False, max_lines=1,
                    placeholder="Not in the list? Describe the right passage and press Enter",
                    elem_id="question-find", scale=4,
                )  # fmt: skip
            self.question = gr.Textbox(
                label="Question to keep", lines=1, max_lines=3, max_length=1000,
                info="It must be clear without the conversation: name what it is about.",
                elem_id="question-edited",
            )  # fmt: skip
            with gr.Row(elem_classes="actions"):
                self.train = gr.Button("Use for training", variant="primary", elem_id="teach-train")
                self.heldout = gr.Button("Hold out", elem_id="teach-heldout")
                self.wrong = gr.Button("Keep wrong sources", elem_id="teach-wrong")
                self.close = gr.Button("Close", elem_id="question-close")
            gr.Markdown(
                "The first two buttons keep the sources marked right, the third keeps those marked"
                f" wrong. At most {MOST_PER_VISITOR} questions of one visitor are kept in 30 days.",
                elem_classes="aside",
            )
        self._connect(screen)

    def _connect(self, screen: Screen) -> None:
        view = [self.which, self.search, self.pager.number]
        screen.shows(self._look, view, [self.table, self.moved, *self.pager.outputs])
        self.pager.connect(screen)
        changed = [self.which.change, self.search.change]
        screen.on(changed, self._first_page, [], [self.pager.number], then_look=True)
        card = [self.card, self.detail, self.question, self.opened, self.found]
        screen.on(
            self.table.select, self._open, [], card,
            js="(...given) => { window.attuneShow('question-card'); return given; }",
        )  # fmt: skip
        screen.on(self.close.click, self._close, [], card)
        marking = [self.opened, self.found]
        screen.on(self.detail.select, self._mark, marking, [self.detail])
        screen.on(
            self.look_for.submit, self._find, [*marking, self.look_for], [self.detail, self.found]
        )
        for button, function in (
            (self.train, self._train), (self.heldout, self._heldout), (self.wrong, self._wrong),
        ):  # fmt: skip
            given = [*marking, self.question]
            screen.on(button.click, function, given, [self.detail], then_look=True)

    def _look(self, _: str, which: str, search: str, number: int) -> View:
        wanted = WHICH.get(which, "all")
        with self._pool.connection() as conn:
            offset, paging = self.pager.show(
                feedback.count(conn, wanted, search=search or ""), number
            )
            rows = feedback.page(conn, wanted, search=search or "", offset=offset)
            moved = _moved(conn)
        filtered = wanted != "all" or bool(search)
        table = html.table(rows) if rows else html.nothing(filtered)
        return View({self.table: table, self.moved: moved, **paging})

    def _first_page(self, _: str) -> int:
        return 0

    def _open(self, _: str, event: gr.EventData) -> list[Any]:
        _verb, message_id = picked(event)
        asked, detail = self._detail(message_id, [])
        return [gr.Group(visible=True), detail, asked.question, message_id, []]

    def _close(self, _: str) -> list[Any]:
        return [gr.Group(visible=False), "", "", None, []]

    def _mark(self, who: str, opened: int | None, found: list[int], event: gr.EventData) -> Markup:
        verb, chunk_id = picked(event)
        message_id = _some(opened)
        verdict: Verdict | None = (
            "right" if verb == "right" else "wrong" if verb == "wrong" else None
        )
        with self._pool.connection() as conn:
            feedback.mark(conn, message_id, chunk_id, verdict, who=who, by_admin=True)
        return self._detail(message_id, found)[1]

    def _find(self, _: str, opened: int | None, found: list[int], text: str) -> tuple[Any, Any]:
        message_id, text = _some(opened), text.strip()
        if not text:
            raise InputError("Describe what the passage is about.")
        handle = self._services.replica.current()
        vector, tokens = handle.read(text)
        with self._pool.connection() as conn:
            hits = hybrid.hybrid(conn, handle, text, vector, FOUND, tokens=tokens)
        found = [int(hit.chunk_id) for hit in hits]
        return self._detail(message_id, found)[1], found

    def _train(self, who: str, opened: int | None, found: list[int], question: str) -> Markup:
        return self._teach(who, opened, found, question, "train")

    def _heldout(self, who: str, opened: int | None, found: list[int], question: str) -> Markup:
        return self._teach(who, opened, found, question, "heldout")

    def _wrong(self, who: str, opened: int | None, found: list[int], question: str) -> Markup:
        return self._teach(who, opened, found, question, "wrong")

    def _teach(
        self, who: str, opened: int | None, found: list[int], question: str, use: Use
    ) -> Markup:
        message_id = _some(opened)
        with self._pool.connection() as conn:
            asked = _asked(conn, message_id)
            marks = feedback.decided(conn, message_id)
        wanted = "wrong" if use == "wrong" else "right"
        chunk_ids = [chunk_id for chunk_id, verdict in marks.items() if verdict == wanted]
        lesson = Lesson(message_id, asked.visitor, question, chunk_ids)
        reviewing.teach(self._services, lesson, use, who=who)
        gr.Info(DONE[use])
        return self._detail(message_id, found)[1]

    def _detail(self, message_id: int, found: Sequence[int]) -> tuple[QuestionDetail, Markup]:
        with self._pool.connection() as conn:
            asked = _asked(conn, message_id)
            marks = feedback.marks(conn, message_id)
            shown = {one.chunk_id for one in asked.shown}
            # What an admin marked stays in view, wherever it was found.
            others = [m.chunk_id for m in marks if m.by_admin and m.chunk_id not in shown]
            extra = feedback.sources(conn, [i for i in {*found, *others} if i not in shown])
        return asked, html.detail(asked, marks, extra)


def _some(opened: int | None) -> int:
    if opened is None:
        raise InputError("Open a question first.")
    return opened


def _asked(conn: Connection, message_id: int) -> QuestionDetail:
    asked = feedback.get(conn, message_id)
    if asked is None:
        raise InputError("This question is gone: its conversation was deleted.")
    return asked


def _moved(conn: Connection) -> Markup:
    """What the newest evaluation that asked people's own questions says about them."""
    wanted = feedback.heldout_questions(conn)
    if not wanted:
        return Markup("")
    for evaluation in evaluations.list_all(conn, limit=RECENT_EVALUATIONS):
        rows = evaluations.questions_of(conn, evaluation.id)
        found = voted.moved(evaluation.figures, rows, wanted.keys())
        if found:
            tone: parts.Tone = "good" if found[0].after > found[0].before else "quiet"
            return Markup("").join(parts.note(one.sentence, tone) for one in found)
    return parts.note(
        f"{words.count(len(wanted), 'held-out question')} came from people. The next comparison will"
        " show how their answers changed."
    )
