"""The admin page: one tab a screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from app import login

if TYPE_CHECKING:
    from app.wiring import Services

STYLE = Path(__file__).with_name("style.css")


def head() -> str:
    """What the page adds to its head."""
    return login.script()


def build(services: Services) -> gr.Blocks:
    """The page's blocks, with their events."""
    with gr.Blocks(
        title="Attune: Admin", analytics_enabled=False, delete_cache=(3600, 3600)
    ) as blocks:
        gr.Markdown("## Attune · Admin")
        gr.Markdown("[Chat](/) · [Sign out](/logout)")
    return blocks
