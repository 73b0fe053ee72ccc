"""
The admin page: one tab a screen. To add a screen, write its `build` and name it in `SCREENS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from app.access import login
from app.admin.screen import LOOK_S, QUIET, Screen, handler
from app.admin.screens import documents, jobs, overview, pairs, questions, tune
from app.admin.screens.compare import screen as compare
from app.admin.screens.versions import screen as versions

if TYPE_CHECKING:
    from app.services import Services

STYLES = [Path(__file__).with_name(name) for name in ("style.css", "tuning.css")]
SCRIPT = Path(__file__).with_name("script.js")
# In the order of the tabs: the name in the address, the label, and what fills the tab.
SCREENS: list[tuple[str, str, Callable[[Screen], None]]] = [
    ("overview", "Overview", overview.build),
    ("documents", "Documents", documents.build),
    ("pairs", "Pairs", pairs.build),
    ("tune", "Tune", tune.build),
    ("compare", "Compare", compare.build),
    ("versions", "Versions", versions.build),
    ("questions", "Questions", questions.build),
    ("jobs", "Jobs", jobs.build),
]


def head() -> str:
    """What the page adds to its head."""
    return f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>{login.script()}"


def build(services: Services) -> gr.Blocks:
    """The page's blocks, with their events."""
    with gr.Blocks(
        title="Admin - Attune", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)
    ) as blocks:
        with gr.Row(elem_id="top"):
            gr.Markdown("# Attune", elem_id="brand")
            # As HTML: links in Gradio's Markdown open another window.
            gr.HTML(f'<a href="/">Chat</a> {login.SIGN_OUT}', elem_id="leave")
        seen = gr.Textbox(visible=False)
        with gr.Tabs(elem_id="screens") as tabs:
            for name, label, fill in SCREENS:
                with gr.Tab(label, id=name, elem_id=f"screen-{name}") as tab:
                    timer = gr.Timer(LOOK_S, active=False)
                    fill(Screen(services, name, tab, seen, timer))
                    tab.select(None, js="() => window.attuneOpened()", **QUIET)
        blocks.load(handler(_open), None, tabs, **QUIET)
    return blocks


def _open(_: str, request: gr.Request) -> gr.Tabs:
    """The tab that the address names."""
    wanted = request.query_params.get("tab")
    names = [name for name, _, _ in SCREENS]
    return gr.Tabs(selected=wanted if wanted in names else names[0])
