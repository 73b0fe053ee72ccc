"""The overview: what serves, how it does, and what to do next."""

from __future__ import annotations

import gradio as gr

from app.admin import parts
from app.admin.screen import Screen, View, header
from pipelines.store import documents


def build(screen: Screen) -> None:
    """Fill the tab."""
    header("Overview", "What serves now, how it does, and what to do next.")
    figures = gr.HTML()

    def look(_: str) -> View:
        with screen.services.pool.connection() as conn:
            counted = documents.count_by_status(conn)
        shown = [("Documents", f"{counted.get('indexed', 0):,}", "indexed")]
        return View({figures: parts.cards(shown)})

    screen.shows(look, [], [figures])
