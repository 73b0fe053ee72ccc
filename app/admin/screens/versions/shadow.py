"""Shadow mode: a version answers live questions silently, to be compared with the one that serves."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.actions import versions
from app.admin.html import versions as versions_html
from app.admin.screen import Screen, Updates
from app.admin.screens.versions.confirm import looked_at
from app.services import Services
from pipelines.store.shadows import ShadowReport


class ShadowBox:
    """The folded box with the share of questions, two buttons and the report."""

    def __init__(self, screen: Screen, chosen: gr.State) -> None:
        self._screen, self._chosen = screen, chosen
        self._services: Services = screen.services
        with gr.Accordion(
            "Shadow mode", open=False, elem_id="shadow", elem_classes="folded"
        ) as self.box:
            gr.Markdown(
                "This version answers some live questions silently, after the visitor got the real"
                " answer. Nobody sees its results. They are compared with what was shown."
            )
            self.share = gr.Slider(5, 100, value=20, step=5, label="Share of questions (percent)")
            with gr.Row(elem_classes="actions"):
                self.start = gr.Button("Start", size="sm", elem_id="shadow-on")
                self.stop = gr.Button("Stop", size="sm", elem_id="shadow-off")
            self.report = gr.HTML(elem_id="shadow-report")

    @property
    def outputs(self) -> list[Any]:
        """What `show` updates."""
        return [self.box, self.start, self.stop, self.report]

    def show(self, report: ShadowReport | None) -> Updates:
        """
        The report so far.

        :param report: None if the version cannot answer: it is not built, or it serves.
        """
        on = bool(report and report.share)
        return {
            self.box: gr.Accordion(visible=report is not None),
            self.start: gr.Button("Change" if on else "Start"),
            self.stop: gr.Button(visible=on),
            self.report: versions_html.shadow(report) if report else "",
        }

    def connect(self) -> None:
        """Let the buttons act."""
        chosen = [self._chosen, self.share]
        self._screen.on(self.start.click, self._start, chosen, [], then_look=True)
        self._screen.on(self.stop.click, self._stop, [self._chosen], [], then_look=True)

    def _start(self, who: str, chosen: str | None, percent: float) -> None:
        versions.shadow(self._services, self._name(chosen), float(percent) / 100, who=who)

    def _stop(self, who: str, chosen: str | None) -> None:
        versions.shadow(self._services, self._name(chosen), 0, who=who)

    def _name(self, chosen: str | None) -> str:
        with self._services.pool.connection() as conn:
            return looked_at(conn, chosen)
