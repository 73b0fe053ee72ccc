"""How Gradio's own parts look and behave on the pages: theme, scripts, and a cached schema."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import gradio as gr

from app.access import login

_CHAT = Path(__file__).parent / "chat"
_PAGE = ("parts.js", "script.js", "later.js", "scroll.js", "list.js", "upload.js")
SCRIPTS = [_CHAT / name for name in _PAGE]
SCRIPTS += [_CHAT / "source" / name for name in ("sheet.js", "viewer.js", "preview.js")]
SCRIPTS += [_CHAT / "picker" / "picker.js", _CHAT / "again" / "again.js"]
# Put into the head unchanged, because Gradio would prefix every selector with a class of its own.
STYLES = [_CHAT / "frame.css", _CHAT / "upload.css", _CHAT / "source" / "source.css"]
STYLES += [_CHAT / "picker" / "picker.css", _CHAT / "again" / "again.css"]


def theme() -> gr.Theme:
    """The theme: system fonts, so that nothing is fetched from elsewhere, and one accent colour."""
    return gr.themes.Soft(
        primary_hue="indigo",
        neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
    ).set(
        # The theme's own greys are hard to read on a light background.
        body_text_color_subdued="*neutral_500",
        input_placeholder_color="*neutral_500",
        block_title_text_color="*neutral_600",
        # White text on the theme's own colour has too little contrast.
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        # An empty box or circle must stand out from its background.
        checkbox_border_color="*neutral_400",
        checkbox_border_color_dark="*neutral_400",
        checkbox_label_background_fill_selected="*primary_600",
        checkbox_label_background_fill_selected_dark="*primary_600",
    )


def head() -> str:
    """The content that every page adds to its head."""
    scripts = "".join(f"<script>{path.read_text(encoding='utf-8')}</script>" for path in SCRIPTS)
    styles = "".join(path.read_text(encoding="utf-8") for path in STYLES)
    return f"{login.script()}{scripts}<style>{styles}</style>"


def share_schema() -> None:
    """
    Let all chatbots share one schema.

    Gradio asks a component for its schema twice at every change of a property, and builds it each
    time. For a chatbot that takes 10 ms, most of a question's cost apart from its search. The
    method
    is replaced in the class itself, because Gradio writes a file for each subclass.
    """
    make = gr.Chatbot.api_info
    if not hasattr(make, "cache_info"):
        by_class = lru_cache(
            lambda model: make(SimpleNamespace(data_model=model, _api_info_cache=None))
        )
        gr.Chatbot.api_info = lambda self: by_class(self.data_model)
        gr.Chatbot.api_info.cache_info = by_class.cache_info
