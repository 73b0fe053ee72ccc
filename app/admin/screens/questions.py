"""Questions: what people asked, what found nothing, what they said, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from app.admin.html import parts, pieces
from app.admin.screen import Pager, Screen, View, clickable, header, picked
from pipelines.errors import InputError
from pipelines.search import hybrid
from pipelines.store import evaluations, feedback
from pipelines.store.chats import Shown
from pipelines.store.db import Connection
from pipelines.store.feedback import Answered, Asked, Mark, Source, Verdict, Which
from training.evaluation.figures import voted
from training.pairs import teach
from training.pairs.collect import MOST_PER_VISITOR
from training.pairs.teach import Lesson, Use

WHICH: dict[str, Which] = {
    "All": "all",
    "Found nothing": "not_found",
    "Liked": "liked",
    "Disliked": "disliked",
    "To review": "waiting",
}
# Colour is for what people said: how an answer was made says nothing about how good it is.
KINDS: dict[str | None, tuple[str, parts.Tone]] = {
    "llm": ("answered", "quiet"),
    "extracts": ("extracts", "quiet"),
    "not_found": ("found nothing", "quiet"),
    "error": ("fault", "bad"),
}
FOUND = 6
RECENT_EVALUATIONS = 5
DONE = {
    "train": "Kept as a pair to train on.",
    "heldout": "Kept as a held-out question. Nothing is trained on it.",
    "wrong": "Saved as wrong for this question.",
}


def build(screen: Screen) -> None:
    """Fill the tab."""
    _Questions(screen)


class _Questions:
    def __init__(self, screen: Screen) -> None:
        self._services = screen.services
        self._pool = screen.services.pool
        header(
            "Questions",
            "What people asked, and what they said about the answers. Mark the right source, then keep"
            " the question for training, or to judge versions.",
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
        self.table = clickable("questions-table", value=pieces.LOADING)
        self.pager = Pager("questions")
        self.opened = gr.State(None)
        self.found = gr.State([])  # chunk ids that were looked for beside those shown
        with gr.Group(
            visible=False, elem_classes="card-group", elem_id="question-card"
        ) as self.card:
            self.detail = clickable("question-detail")
            with gr.Row(elem_classes="tools"):
                self.look_for = gr.Textbox(
                    label="Find a passage", show_label=False, container=False, max_lines=1,
                    placeholder="Not among them? Look for the right passage, then press Enter",
                    elem_id="question-find", scale=4,
                )  # fmt: skip
            self.question = gr.Textbox(
                label="The question, as it is kept", lines=1, max_lines=3, max_length=1000,
                info="Name what it is about: it must be understood without the conversation.",
                elem_id="question-edited",
            )  # fmt: skip
            with gr.Row(elem_classes="actions"):
                self.train = gr.Button("Train on it", variant="primary", elem_id="teach-train")
                self.heldout = gr.Button("Hold it out to judge", elem_id="teach-heldout")
                self.wrong = gr.Button("Save wrong sources", elem_id="teach-wrong")
                self.close = gr.Button("Close", elem_id="question-close")
            gr.Markdown(
                "The first two keep the sources marked right, the third those marked wrong. At most"
                f" {MOST_PER_VISITOR} questions of one visitor are kept in thirty days.",
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

    def _look(self, _: str, which: str, words: str, number: int) -> View:
        wanted = WHICH.get(which, "all")
        with self._pool.connection() as conn:
            offset, paging = self.pager.show(
                feedback.count(conn, wanted, search=words or ""), number
            )
            rows = feedback.page(conn, wanted, search=words or "", offset=offset)
            moved = _moved(conn)
        filtered = wanted != "all" or bool(words)
        table = _table(rows) if rows else _nothing(filtered)
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

    def _find(self, _: str, opened: int | None, found: list[int], words: str) -> tuple[Any, Any]:
        message_id, words = _some(opened), words.strip()
        if not words:
            raise InputError("Write what the passage is about.")
        handle = self._services.replica.current()
        vector = handle.encoder.encode_queries([words])[0]
        with self._pool.connection() as conn:
            hits = hybrid.hybrid(conn, handle, words, vector, FOUND)
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
        teach.teach(self._pool, self._services.replica.current(), lesson, use, who=who)
        gr.Info(DONE[use])
        return self._detail(message_id, found)[1]

    def _detail(self, message_id: int, found: Sequence[int]) -> tuple[Answered, Markup]:
        with self._pool.connection() as conn:
            asked = _asked(conn, message_id)
            marks = feedback.marks(conn, message_id)
            shown = {one.chunk_id for one in asked.shown}
            # What an admin marked stays in view, wherever it was found.
            others = [m.chunk_id for m in marks if m.by_admin and m.chunk_id not in shown]
            extra = feedback.sources(conn, [i for i in {*found, *others} if i not in shown])
        return asked, _detail(asked, marks, extra)


def _some(opened: int | None) -> int:
    if opened is None:
        raise InputError("Open a question first.")
    return opened


def _asked(conn: Connection, message_id: int) -> Answered:
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
        f"{parts.count(len(wanted), 'question')} of people to judge by; the next comparison will say"
        " what moved."
    )


def _table(rows: Sequence[Asked]) -> Markup:
    headers = ["Question", "Answer", "Vote", "What they said", "Sources", "Version", "Asked"]
    return parts.table(headers, [_row(row) for row in rows])


def _row(row: Asked) -> tuple[object, ...]:
    word, tone = KINDS.get(row.kind, (row.kind or "", "quiet"))
    vote = {"like": ("liked", "good"), "dislike": ("disliked", "bad")}.get(row.verdict or "")
    kept = parts.pill("kept", "busy") if row.taught else ""
    return (
        parts.pick(parts.clipped(row.question, 110), "open", row.message_id, css="title"),
        parts.pill(word, tone),
        parts.pill(vote[0], vote[1]) if vote else "",  # type: ignore[arg-type]
        parts.clipped(row.reason or "", 60),
        kept or (parts.count(row.marks, "mark") if row.marks else ""),
        row.model_name or "",
        parts.when(row.asked_at),
    )


def _nothing(filtered: bool) -> Markup:
    if filtered:
        return parts.empty("No question matches", "Change the filter or the search above.")
    return parts.empty(
        "Nobody has asked anything yet", "Questions from the chat appear here, with their votes."
    )


def _detail(asked: Answered, marks: Sequence[Mark], extra: Sequence[Source]) -> Markup:
    word, tone = KINDS.get(asked.kind, (asked.kind or "", "quiet"))
    facts = [
        f"visitor {asked.visitor[:6]}",
        f"version {asked.model_name}" if asked.model_name else "",
    ]
    said = Markup("")
    if asked.verdict:
        liked = asked.verdict == "like"
        words = "Liked" if liked else "Disliked"
        said = parts.note(
            f"{words}: {asked.reason}" if asked.reason else words, "good" if liked else "bad"
        )
    kept = parts.pill("kept", "busy") if asked.taught else ""
    head = Markup(
        '<h3>{}</h3><div class="pair-head">{}{}<span class="aside">{}</span></div>{}'
        '<div class="answer">{}</div><h4>{}</h4>'
    ).format(
        asked.question, parts.pill(word, tone), kept, " · ".join(filter(None, facts)), said,
        asked.answer, "Which source was right?" if asked.shown or extra else "No source was shown.",
    )  # fmt: skip
    shown = [_source(one, one.number, one.cited, marks) for one in asked.shown]
    others = [_source(one, None, False, marks) for one in extra]
    return Markup('<section class="asked">{}{}</section>').format(
        head, Markup("").join(shown + others)
    )


def _source(
    source: Shown | Source, number: int | None, cited: bool, marks: Sequence[Mark]
) -> Markup:
    mine = [m for m in marks if m.chunk_id == source.chunk_id]
    decided = next((m.verdict for m in reversed(mine) if m.by_admin), None)
    visitor = [m.verdict for m in mine if not m.by_admin]
    place = [
        f"[{number}]" if number else "found",
        source.title,
        f"page {source.page}" if source.page else (source.heading or "").split(" > ")[-1],
        "cited" if cited else "",
        f"the visitor says {visitor[-1]}" if visitor else "",
    ]
    buttons = [
        parts.pick(
            verb.capitalize(), "none" if decided == verb else verb, source.chunk_id,
            css=f"mark {verb}", pressed=decided == verb,
        )
        for verb in ("right", "wrong")
    ]  # fmt: skip
    return Markup(
        '<article class="source {}"><header><span>{}</span><span class="marks">{}</span></header>'
        "<details><summary>{}</summary><div>{}</div></details></article>"
    ).format(
        decided or "",
        " · ".join(filter(None, place)),
        Markup("").join(buttons),
        parts.clipped(source.text, 150),
        source.text,
    )
