"""Exporting, pushing and deleting a version's files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import gradio as gr

from app.actions import exporting
from app.admin.handout import Handout
from app.admin.html import parts
from app.admin.screen import Screen
from app.admin.screens.versions.confirm import looked_at
from pipelines.errors import AttuneError


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
        """Let the buttons act. `delete` asks first, see `confirm`."""
        self._screen.on(
            self.export.click, self._export, [self._chosen], [self.file], show_progress="minimal"
        )
        self._screen.on(
            self.push.click, self._push, [self._chosen, self.repo, self.private], [self.pushed],
            show_progress="minimal",
        )  # fmt: skip

    def _export(self, who: str, chosen: str | None) -> gr.DownloadButton:
        name = self._name(chosen)

        def zipped(path: Path) -> None:
            with tempfile.TemporaryDirectory(prefix="attune-") as scratch:
                folder = exporting.export(self._services, name, Path(scratch) / name)
                shutil.make_archive(str(path.with_suffix("")), "zip", scratch, folder.name)

        archive = self._handout.make(f"{name}.zip", zipped)
        return gr.DownloadButton(f"Download {name}.zip", value=archive, visible=True)

    def _push(self, who: str, chosen: str | None, repo: str | None, private: bool) -> str:
        name = self._name(chosen)
        try:
            address = exporting.push(
                self._services, name, (repo or "").strip(), private=bool(private), who=who
            )
        except AttuneError as error:
            return str(parts.note(str(error), "bad"))
        return str(parts.note(f"{name} is at {address}.", "good"))

    def _name(self, chosen: str | None) -> str:
        """The version that is looked at."""
        with self._services.pool.connection() as conn:
            return looked_at(conn, chosen)
