"""Language models: where they are reached, with which key, and whether they answer."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.actions.llms import registry, trial
from app.actions.llms.registry import KEY_CHARS, MOST_CHARS, ModelWish
from app.admin.html import parts
from app.admin.html.llms import rows as html
from app.admin.screen import Screen, View, clickable, header
from app.admin.screens.llm_prompts import PromptForm
from pipelines.answering.llm import LLMOptions
from pipelines.errors import InputError
from pipelines.store.ids import LanguageModelId

ADDRESS_CHARS = 500
NO_KEY = "Empty if it needs none"
KEPT = "A key is kept. Empty: it stays."


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    header(
        "Language model",
        "Writes answers from the passages that are found, which are sent to it with the question."
        " Without one, answers are quotes from your documents.",
    )
    fixed = screen.services.llms.fixed
    if fixed is None:
        _Added(screen)
    else:
        _Fixed(screen, fixed)
    PromptForm(screen)


class _Fixed:
    """What the environment sets: shown, and tried."""

    def __init__(self, screen: Screen, llm: LLMOptions) -> None:
        self._services, self._llm = screen.services, llm
        with gr.Column(elem_classes="board"):
            gr.HTML(html.fixed(llm), elem_id="llm-fixed")
            with gr.Row(elem_classes="actions"):
                test = gr.Button("Test it", size="sm", elem_id="llm-test")
            result = gr.HTML(elem_id="llm-result")
        screen.on(test.click, self._test, [], [result], show_progress="minimal")

    def _test(self, who: str) -> str:
        return html.tried(trial.run(self._services, self._llm, who=who))


class _Added:
    """What admins added, and the form for one of them or a new one."""

    def __init__(self, screen: Screen) -> None:
        self._services = screen.services
        self.chosen = gr.State(None)
        with gr.Row(elem_classes="sides"):
            with gr.Column(scale=3, min_width=340):
                self.listed = clickable("llm-list", value=parts.LOADING)
                with gr.Row(elem_classes="actions"):
                    self.new = gr.Button("Add another", size="sm", visible=False, elem_id="llm-new")
            with gr.Column(scale=2, min_width=320), gr.Column(elem_classes="board"):
                self._lay_out_form()
        self._connect(screen)

    def _lay_out_form(self) -> None:
        self.head = gr.HTML(html.heading())
        self.address = gr.Textbox(
            label="Address", max_lines=1, max_length=ADDRESS_CHARS, elem_id="llm-address",
            placeholder="http://localhost:11434/v1",
            info="An OpenAI-compatible endpoint, which this server itself calls. The example is an"
            " Ollama on the server's machine. Empty: OpenAI.",
        )  # fmt: skip
        self.model = gr.Textbox(
            label="Model", max_lines=1, max_length=MOST_CHARS, elem_id="llm-model",
            placeholder="llama3.2", info="As its provider calls it.",
        )  # fmt: skip
        self.key = gr.Textbox(
            label="Key", type="password", max_lines=1, max_length=KEY_CHARS, elem_id="llm-key",
            placeholder=NO_KEY, info="Kept encrypted, and never shown again.",
        )  # fmt: skip
        self.name = gr.Textbox(
            label="Name (optional)", max_lines=1, max_length=MOST_CHARS, elem_id="llm-name",
            info="As people shall see it.",
        )  # fmt: skip
        with gr.Row(elem_classes="actions"):
            self.save = gr.Button("Save", variant="primary", size="sm", elem_id="llm-save")
            self.test = gr.Button("Test it", size="sm", elem_id="llm-test")
            self.first = gr.Button("Answer with it", size="sm", visible=False, elem_id="llm-first")
            self.remove = gr.Button(
                "Remove", size="sm", variant="stop", visible=False, elem_id="llm-remove"
            )
        with gr.Row(visible=False, elem_classes="confirm", elem_id="llm-confirm") as self.ask:
            self.question = gr.Markdown()
            self.yes = gr.Button("Remove", size="sm", variant="stop", elem_id="llm-yes")
            self.no = gr.Button("Keep", size="sm", elem_id="llm-no")
        self.result = gr.HTML(elem_id="llm-result")

    def _connect(self, screen: Screen) -> None:
        chosen = self.chosen
        fields = [self.address, self.model, self.key, self.name]
        form = [chosen, *fields, self.head, self.result, self.ask]
        asked = [self.ask, self.question]
        screen.shows(self._look, [chosen], [self.listed, self.new, self.first, self.remove])
        screen.on(self.listed.select, self._choose, [], form, then_look=True)
        screen.on(self.new.click, self._empty, [], form, then_look=True)
        screen.on(self.save.click, self._save, [chosen, *fields], form, then_look=True)
        screen.on(
            self.test.click, self._test, [chosen, *fields], [self.result], show_progress="minimal"
        )
        screen.on(self.first.click, self._first, [chosen], [], then_look=True)
        screen.on(self.remove.click, self._ask, [chosen], asked)
        screen.on(self.no.click, self._keep, [], asked)
        screen.on(self.yes.click, self._remove, [chosen], form, then_look=True)

    def _look(self, _: str, chosen: int | None) -> View:
        models = self._services.llms.added()
        ids = [model.id for model in models]
        is_known = chosen in ids
        return View({
            self.listed: html.table(models, LanguageModelId(chosen) if chosen else None),
            self.new: gr.Button(visible=is_known),
            self.first: gr.Button(visible=is_known and chosen != ids[0]),
            self.remove: gr.Button(visible=is_known),
        })  # fmt: skip

    def _choose(self, _: str, event: gr.EventData) -> tuple[Any, ...]:
        return self._filled(_id(event.pick))

    def _filled(self, model_id: LanguageModelId, result: str = "") -> tuple[Any, ...]:
        """The form with what is stored. The key is not."""
        with self._services.pool.connection() as conn:
            model = registry.find(conn, model_id)
        key = gr.Textbox("", placeholder=NO_KEY if model.secret is None else KEPT)
        return (
            model.id, model.address, model.model, key, model.name,
            html.heading(model), result, gr.Row(visible=False),
        )  # fmt: skip

    def _empty(self, _: str) -> tuple[Any, ...]:
        key = gr.Textbox("", placeholder=NO_KEY)
        return None, "", "", key, "", html.heading(), "", gr.Row(visible=False)

    def _save(
        self, who: str, chosen: int | None, address: str, model: str, key: str, name: str
    ) -> tuple[Any, ...]:
        wish = ModelWish(model or "", address or "", name or "", key or "")
        saved = registry.save(self._services, wish, _id_or_none(chosen), who=who)
        gr.Info(f"{saved.name} is saved. The next question can be answered by it.", title="Done")
        return self._filled(saved.id)

    def _test(
        self, who: str, chosen: int | None, address: str, model: str, key: str, name: str
    ) -> str:
        wish = ModelWish(model or "", address or "", name or "", key or "")
        llm = registry.wished_options(self._services, wish, _id_or_none(chosen))
        return html.tried(trial.run(self._services, llm, who=who))

    def _first(self, who: str, chosen: int | None) -> None:
        model = registry.put_first(self._services, _id(chosen), who=who)
        gr.Info(f"{model.name} answers where nobody chooses another.", title="Done")

    def _ask(self, _: str, chosen: int | None) -> tuple[Any, str]:
        with self._services.pool.connection() as conn:
            model = registry.find(conn, _id(chosen))
        return gr.Row(visible=True), f"Remove {model.name} and its key?"

    def _keep(self, _: str) -> tuple[Any, str]:
        return gr.Row(visible=False), ""

    def _remove(self, who: str, chosen: int | None) -> tuple[Any, ...]:
        model = registry.remove(self._services, _id(chosen), who=who)
        gr.Info(f"{model.name} is removed.", title="Done")
        return self._empty(who)


def _id(chosen: Any) -> LanguageModelId:
    """
    The id of the chosen one, which is the client's own word.

    :raises InputError: It is none.
    """
    if not str(chosen).isascii() or not str(chosen).isdigit():
        raise InputError("Choose a language model first.")
    return LanguageModelId(int(chosen))


def _id_or_none(chosen: Any) -> LanguageModelId | None:
    return None if chosen is None else _id(chosen)
