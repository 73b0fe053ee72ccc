"""Making pairs from the documents, and their way in and out as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from app import queue
from app.actions.pairs import importing
from app.admin.html import estimates, pairs, parts, words
from app.admin.screen import Screen
from app.services import Services
from pipelines.errors import InputError
from pipelines.store.pairs import Split
from training.pairs import collect

SOURCES = [
    ("With the language model", "llm"),
    ("Without a language model", "offline"),
    ("From votes and marks", "feedback"),
]
FORMATS = (
    "JSON with `queries`, `corpus` and `relevant_docs`, or CSV with the columns `question` and"
    " `passage`. If one row is wrong, nothing is imported."
)
FILE_SIDES = [("Hold out a part", ""), ("All for training", "train"), ("All held out", "heldout")]


class Making:
    """The fields that say how, the estimate, and the button."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        gr.Markdown("### Make pairs from the documents", elem_classes="part")
        llm = self._services.llms.grant().llm
        self.source = gr.Radio(
            SOURCES, value="llm" if llm else "offline", label="How", elem_id="pairs-source"
        )
        with gr.Row():
            self.per_passage = gr.Slider(
                0, 10, value=0, step=1, label="Questions per passage",
                info="0: as many as fit", min_width=140,
            )  # fmt: skip
            self.limit = gr.Number(
                collect.MOST_PASSAGES, label="Passages at most", precision=0, minimum=1,
                info="an even sample of all documents", min_width=140,
            )  # fmt: skip
        self.again = gr.Checkbox(
            label="Start over: delete the unreviewed pairs that were made this way",
            elem_id="pairs-again",
        )
        self.estimate = gr.HTML(elem_id="pairs-estimate")
        self.start = gr.Button("Make pairs", variant="primary", elem_id="pairs-generate")

    @property
    def inputs(self) -> list[Any]:
        """What `show` takes, in this order."""
        return [self.source, self.per_passage, self.limit, self.again]

    @property
    def outputs(self) -> list[Any]:
        """What `show` returns the updates of."""
        return [self.estimate, self.start]

    def show(self, source: str, per_passage: int, limit: int, again: bool) -> tuple[Any, Any]:
        """The estimate, and the button."""
        found = estimates.estimate(
            self._services, source, per_passage=int(per_passage or 0), limit=int(limit or 1),
            again=again,
        )  # fmt: skip
        variant: Any = "secondary" if found.made else "primary"
        button = gr.Button(interactive=found.something, variant=variant)
        return parts.note(found.words, "busy" if found.something else "quiet"), button

    def connect(self) -> None:
        """Estimate again when a field changes, and let the button act."""
        fields = [
            self.source.change, self.per_passage.release, self.limit.change, self.again.change
        ]  # fmt: skip
        self._screen.on(fields, self._estimate, self.inputs, self.outputs)
        self._screen.on(self.start.click, self._generate, self.inputs, [], then_look=True)

    def _estimate(
        self, who: str, source: str, per_passage: int, limit: int, again: bool
    ) -> tuple[Markup, gr.Button]:
        return self.show(source, per_passage, limit, again)

    def _generate(self, who: str, source: str, per_passage: int, limit: int, again: bool) -> None:
        queue.defer(
            self._services,
            "generate",
            who=who,
            source=source,
            per_passage=int(per_passage) or None,
            limit=max(1, int(limit or collect.MOST_PASSAGES)),
            again=bool(again),
        )


class FileTransfer:
    """The import of a file, and the links that export the accepted pairs."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._services = screen, screen.services
        gr.Markdown("### Import and export", elem_classes="part")
        with gr.Row():
            self.file = gr.File(
                label="JSON of queries, corpus and relevant_docs, or CSV of question and passage",
                show_label=False, file_types=[".json", ".csv"], height=84, elem_id="pairs-file",
            )  # fmt: skip
        gr.Markdown(FORMATS, elem_classes="aside")
        with gr.Row(elem_classes="actions"):
            self.side = gr.Dropdown(
                FILE_SIDES, value="", label="Side", show_label=False, container=False,
                filterable=False, min_width=170, elem_id="pairs-file-side",
            )  # fmt: skip
            self.take = gr.Button("Import", elem_id="pairs-import")
        self.imported = gr.HTML(elem_id="pairs-imported")
        gr.HTML(pairs.exports())

    def connect(self) -> None:
        """Let the button act."""
        self._screen.on(
            self.take.click, self._import, [self.file, self.side], [self.file],
            then_look=True, show_progress="minimal",
        )  # fmt: skip

    def _import(self, who: str, path: str | None, side: str) -> None:
        gr.Info(import_file(self._services, who, path, side), title="Import", duration=8)


def import_file(services: Services, who: str, path: str | None, side: str) -> str:
    """
    Leave an uploaded file to a job.

    :returns: What will be done, in a sentence.
    :raises InputError: The file cannot be used.
    """
    if not path:
        raise InputError("Choose a file first.")
    seed = importing.read(Path(path))
    split: Split | None = "train" if side == "train" else "heldout" if side == "heldout" else None
    importing.leave(services, seed, Path(path).name, split, who=who)
    questions = words.count(len(seed.queries), "question")
    return f"{questions} of {Path(path).name} will be imported."
