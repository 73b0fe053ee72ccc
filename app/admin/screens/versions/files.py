"""What takes a version's files elsewhere, or away: a ZIP, a push to a hub, the delete button."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import gradio as gr

from app.admin.handout import Handout
from app.admin.html import parts
from app.admin.screen import Screen
from app.admin.screens.versions.confirm import looked_at
from pipelines.embedder import registry
from pipelines.errors import AttuneError
from pipelines.store import active
from pipelines.store.models import Model
from training.finetune.card import card_of


class VersionFiles:
    """The folded box with its buttons."""

    def __init__(self, screen: Screen, chosen: gr.State) -> None:
        self._screen, self._services = screen, screen.services
        self._chosen = chosen
        self._handout = Handout()
        with gr.Accordion(
            "Export, push, delete", open=False, elem_id="hand-on", elem_classes="folded"
        ):
            with gr.Row(elem_classes="actions"):
                self.export = gr.Button("Make a ZIP of its files", size="sm")
                self.file = gr.DownloadButton("Download", visible=False, size="sm")
            self.repo = gr.Textbox(
                label="Hugging Face repository", placeholder="OWNER/NAME", max_lines=1,
                info="The machine that runs Attune needs a Hugging Face token (hf auth login).",
            )  # fmt: skip
            self.private = gr.Checkbox(True, label="Private: only you and those you invite")
            with gr.Row(elem_classes="actions"):
                self.push = gr.Button("Push to Hugging Face", size="sm", elem_id="push")
            self.pushed = gr.HTML()
            with gr.Row(elem_classes="actions"):
                self.delete = gr.Button("Delete", size="sm", variant="stop", elem_id="delete")

    def connect(self) -> None:
        """Let the buttons act; `delete` asks first, see `version_confirm`."""
        self._screen.on(
            self.export.click, self._export, [self._chosen], [self.file], show_progress="minimal"
        )
        self._screen.on(
            self.push.click, self._push, [self._chosen, self.repo, self.private], [self.pushed],
            show_progress="minimal",
        )  # fmt: skip

    def _export(self, who: str, chosen: str | None) -> gr.DownloadButton:
        model, card = self._model(chosen)
        store = self._screen.services.options.models

        def zipped(path: Path) -> None:
            with tempfile.TemporaryDirectory(prefix="attune-") as scratch:
                folder = registry.export(model, Path(scratch) / model.name, card, store)
                shutil.make_archive(str(path.with_suffix("")), "zip", scratch, folder.name)

        archive = self._handout.make(f"{model.name}.zip", zipped)
        return gr.DownloadButton(f"Download {model.name}.zip", value=archive, visible=True)

    def _push(self, who: str, chosen: str | None, repo: str | None, private: bool) -> str:
        model, card = self._model(chosen)
        store = self._services.options.models
        try:
            address = registry.push(
                model, (repo or "").strip(), private=bool(private), card=card, store=store
            )
        except AttuneError as error:
            return str(parts.note(str(error), "bad"))
        with self._services.pool.connection() as conn:
            active.add_audit(conn, who, "push", {"version": model.name, "reason": address})
        return str(parts.note(f"{model.name} is at {address}.", "good"))

    def _model(self, chosen: str | None) -> tuple[Model, str | None]:
        """The version that is looked at, with its card."""
        with self._services.pool.connection() as conn:
            model = registry.find(conn, looked_at(conn, chosen))
            return model, card_of(conn, model)
