"""Keys: what programs need to use the interfaces. Made here, shown once, and revoked."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.actions import keys
from app.actions.keys import KeyWish
from app.admin.html import parts
from app.admin.html.access import keys as html
from app.admin.screen import Screen, View, clickable, header, picked
from pipelines.errors import InputError
from pipelines.store import api_keys

SCOPES = [
    ("Ask: answers, search, embeddings", "ask"),
    ("Ingest: add and delete documents", "ingest"),
    ("Admin: everything", "admin"),
]


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    _Keys(screen)


class _Keys:
    def __init__(self, screen: Screen) -> None:
        self._services = screen.services
        header(
            "Keys",
            "Programs need a key to use Attune. The [API](/api) describes what they can do. It also"
            " speaks OpenAI's protocol at `/v1`, and MCP at `/mcp`.",
        )
        with gr.Row(elem_classes="sides"):
            with gr.Column(scale=2, min_width=320), gr.Column(elem_classes="board"):
                self._lay_out_form()
            with gr.Column(scale=3, min_width=340):
                self.listed = clickable("keys-list", value=parts.LOADING)
                self._lay_out_question()
        self._connect(screen)

    def _lay_out_form(self) -> None:
        self.name = gr.Textbox(
            label="Name", max_lines=1, max_length=keys.NAME_CHARS, elem_id="key-name",
            placeholder="The program that uses it",
        )  # fmt: skip
        self.scopes = gr.CheckboxGroup(
            SCOPES, value=["ask"], label="Allowed", elem_id="key-scopes", elem_classes="listed"
        )
        self.collections = gr.Textbox(
            label="Collections", max_lines=1, max_length=1000, elem_id="key-collections",
            info="Separated by commas. Empty: those that are open to everyone.",
        )  # fmt: skip
        with gr.Row():
            self.days = gr.Number(
                90, label="Expires after, days", info="0: never", minimum=0, min_width=140
            )
            self.minute = gr.Number(
                60, label="Requests a minute", info="0: no limit", minimum=0, min_width=140
            )
        self.make = gr.Button("Make key", variant="primary", elem_id="key-make")
        self.shown = gr.HTML(elem_id="key-shown")

    def _lay_out_question(self) -> None:
        self.doomed = gr.State(None)
        with gr.Row(visible=False, elem_classes="confirm", elem_id="key-confirm") as self.ask:
            self.question = gr.Markdown()
            self.yes = gr.Button("Revoke", size="sm", variant="stop", elem_id="key-yes")
            self.no = gr.Button("Keep", size="sm", elem_id="key-no")

    def _connect(self, screen: Screen) -> None:
        asked = [self.ask, self.question, self.doomed]
        given = [self.name, self.scopes, self.collections, self.days, self.minute]
        screen.shows(self._look, [], [self.listed])
        screen.on(
            self.make.click, self._make, [self.shown, *given],
            [self.shown, self.name], then_look=True,
            js="(_, ...given) => [window.location.origin, ...given]",
        )  # fmt: skip
        screen.on(self.listed.select, self._ask, [], asked)
        screen.on(self.no.click, self._keep, [], asked)
        screen.on(self.yes.click, self._revoke, [self.doomed], asked, then_look=True)

    def _look(self, _: str) -> View:
        with self._services.pool.connection() as conn:
            return View({self.listed: html.table(api_keys.list_all(conn))})

    def _make(
        self,
        who: str,
        address: str,
        name: str,
        scopes: list[str],
        collections: str,
        days: float,
        minute: float,
    ) -> tuple[str, str]:
        named = [part.strip() for part in (collections or "").split(",") if part.strip()]
        wish = KeyWish(name or "", scopes or [], named, float(days or 0), int(minute or 0))
        token = keys.make(self._services, wish, who=who)
        return html.made(token, wish.scopes, address), ""

    def _ask(self, _: str, event: gr.EventData) -> tuple[Any, str, int]:
        key_id = picked(event)[1]
        with self._services.pool.connection() as conn:
            key = next((one for one in api_keys.list_all(conn) if one.id == key_id), None)
        if key is None:
            raise InputError("There is no such key.")
        said = f"Revoke {key.name} (…{key.hint})? Programs that use it are refused at once."
        return gr.Row(visible=True), said, key_id

    def _keep(self, _: str) -> tuple[Any, str, None]:
        return gr.Row(visible=False), "", None

    def _revoke(self, who: str, key_id: int | None) -> tuple[Any, str, None]:
        if key_id is None:
            raise InputError("Choose a key first.")
        key = keys.revoke(self._services, int(key_id), who=who)
        gr.Info(f"{key.name} was revoked. It opens nothing any more.", title="Done")
        return self._keep(who)
