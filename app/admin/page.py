"""
The admin page: one tab a screen. To add a screen, write its `build` and name it in `SCREENS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from app.access import login
from app.admin.html import parts
from app.admin.screen import LOOK_S, QUIET, Screen, handler
from app.admin.screens import (
    documents,
    jobs,
    keys,
    llms,
    overview,
    pairs,
    people,
    questions,
    sources,
    tune,
)
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
    ("sources", "Sources", sources.build),
    ("pairs", "Pairs", pairs.build),
    ("tune", "Tune", tune.build),
    ("compare", "Compare", compare.build),
    ("versions", "Versions", versions.build),
    ("questions", "Questions", questions.build),
    ("llm", "Language model", llms.build),
    ("jobs", "Jobs", jobs.build),
    ("keys", "Keys", keys.build),
    ("people", "People", people.build),
]


def head() -> str:
    """What the page adds to its head."""
    return f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>{login.script()}"


def build(services: Services) -> gr.Blocks:
    """The page's blocks, with their events."""

    def look(_: str) -> gr.HTML:
        return _degraded(services)

    with gr.Blocks(
        title="Admin - Attune", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)
    ) as blocks:
        with gr.Row(elem_id="top"):
            gr.Markdown("# Attune", elem_id="brand")
            # As HTML: links in Gradio's Markdown open another window.
            gr.HTML(f'<a href="/">Chat</a> {login.SIGN_OUT}', elem_id="leave")
        banner = gr.HTML(visible=False, elem_id="degraded")
        seen = gr.Textbox(visible=False)
        with gr.Tabs(elem_id="screens") as tabs:
            for name, label, fill in SCREENS:
                with gr.Tab(label, id=name, elem_id=f"screen-{name}") as tab:
                    timer = gr.Timer(LOOK_S, active=False)
                    fill(Screen(services, name, tab, seen, timer))
                    tab.select(None, js="() => window.attuneOpened()", **QUIET)
        blocks.load(handler(_open), None, tabs, **QUIET)
        blocks.load(handler(look), None, banner, **QUIET)
    return blocks


def _degraded(services: Services) -> gr.HTML:
    """Why another version answers than the one that should, if that is so."""
    reason = services.replica.degraded
    if reason is None:
        return gr.HTML(visible=False)
    return gr.HTML(
        parts.note(
            f"The serving version cannot be loaded: {reason} Until its files are back, an older"
            " version or the words of a question alone find the passages, and no documents can be"
            " added. This server tries again every few seconds. To let the version before serve"
            " again, roll back on the Versions tab.",
            "bad",
        ),
        visible=True,
    )


def _open(_: str, request: gr.Request) -> gr.Tabs:
    """The tab that the address names."""
    wanted = request.query_params.get("tab")
    names = [name for name, _, _ in SCREENS]
    return gr.Tabs(selected=wanted if wanted in names else names[0])
