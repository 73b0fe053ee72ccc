"""People: who is signed in, of whom something is stored, and how to end or delete it."""

from __future__ import annotations

from typing import Any, Literal

import gradio as gr

from app.access.reader import account_visitor
from app.actions import people
from app.admin.html import parts, words
from app.admin.html.access import people as html
from app.admin.screen import Screen, View, clickable, header, picked
from pipelines.errors import InputError
from pipelines.store import visitors

LISTED = 200
# What is asked about: the deed, and a person with their method, or a visitor.
Doomed = tuple[Literal["end", "erase"], str, str]


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    _People(screen)


class _People:
    def __init__(self, screen: Screen) -> None:
        self._services = screen.services
        days = screen.services.settings.conversation_days
        kept = f"are erased after {days:g} days without use" if days else "are kept without a limit"
        header(
            "People",
            "Who is signed in, and of whom something is stored. A visitor is a browser, an account"
            f" or a key. Conversations {kept}.",
        )
        with gr.Row(visible=False, elem_classes="confirm", elem_id="people-confirm") as self.ask:
            self.question = gr.Markdown()
            self.yes = gr.Button("Yes", size="sm", variant="stop", elem_id="people-yes")
            self.no = gr.Button("Keep", size="sm", elem_id="people-no")
        self.doomed = gr.State(None)
        with gr.Row(elem_classes="sides"):
            with gr.Column(scale=1, min_width=340):
                self.people = clickable("people-list", value=parts.LOADING)
            with gr.Column(scale=1, min_width=340):
                self.visitors = clickable("visitors-list", value=parts.LOADING)
        asked = [self.ask, self.question, self.yes, self.doomed]
        screen.shows(self._look, [], [self.people, self.visitors])
        screen.on(self.people.select, self._ask_to_end, [], asked)
        screen.on(self.visitors.select, self._ask_to_erase, [], asked)
        screen.on(self.no.click, self._keep, [], asked)
        screen.on(self.yes.click, self._do, [self.doomed], asked, then_look=True)

    def _look(self, _: str) -> View:
        with self._services.pool.connection() as conn:
            found, stored = visitors.signed_in(conn), visitors.list_visitors(conn, limit=LISTED)
        names = {account_visitor(one.who): one.who for one in found if one.via == "oauth"}
        return View(
            {self.people: html.signed_in(found), self.visitors: html.visitors(stored, names)}
        )

    def _ask_to_end(self, _: str, event: gr.EventData) -> tuple[Any, ...]:
        with self._services.pool.connection() as conn:
            found = visitors.signed_in(conn)
        number = picked(event)[1]
        if number >= len(found):
            raise InputError("This person is not signed in any more.")
        one = found[number]
        said = f"End all sessions of {one.who} ({html.WAYS.get(one.via, one.via)})?"
        return self._asking(said, "End sessions", ("end", one.who, one.via))

    def _ask_to_erase(self, _: str, event: gr.EventData) -> tuple[Any, ...]:
        beginning = f"{picked(event)[1]:0{people.SHOWN_CHARS}x}"
        with self._services.pool.connection() as conn:
            visitor = people.find(conn, beginning)
            (one,) = visitors.list_visitors(conn, only=[visitor])
        said = (
            f"Delete all data of {beginning}: {words.count(one.conversations, 'conversation')},"
            f" {words.count(one.files, 'file')}, their votes, and the pairs made of their questions? This cannot be undone."
        )
        return self._asking(said, "Delete", ("erase", visitor, ""))

    def _asking(self, said: str, label: str, doomed: Doomed) -> tuple[Any, ...]:
        return gr.Row(visible=True), said, gr.Button(label), doomed

    def _keep(self, _: str) -> tuple[Any, ...]:
        return gr.Row(visible=False), "", gr.Button("Yes"), None

    def _do(self, who: str, doomed: Doomed | None) -> tuple[Any, ...]:
        if doomed is None:
            raise InputError("Choose somebody first.")
        deed, name, via = doomed
        if deed == "end":
            ended = people.end_sessions(self._services, name, who=who, via=via)
            gr.Info(f"Sessions ended: {ended}.", title="Done")
        else:
            done = people.erase(self._services, name, who=who)
            gr.Info(
                f"Deleted: {words.count(done.conversations, 'conversation')},"
                f" {words.count(done.files, 'file')}.",
                title="Done",
            )
        return self._keep(who)
