"""Keys: what programs need to use the interfaces. Made here, shown once, and revoked."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from app.actions import keys
from app.actions.keys import KeyWish
from app.admin.html import parts
from app.admin.screen import Screen, Updates, View, header
from app.services import Services
from pipelines.errors import InputError
from pipelines.store import api_keys
from pipelines.store.api_keys import ApiKey

SCOPES = [
    ("Ask: answers, search, embeddings", "ask"),
    ("Ingest: add and delete documents", "ingest"),
    ("Admin: everything", "admin"),
]
HEADERS = [
    "Name",
    "Ends with",
    "May",
    "Collections",
    "A minute",
    "Made",
    "Expires",
    "Used",
    "State",
]


def build(screen: Screen) -> None:
    """Lay out the screen and connect it."""
    services = screen.services
    header(
        "Keys",
        "Programs use Attune with a key: the OpenAI-compatible interface at /v1, and /api/v1. A key"
        " is shown once, when it is made.",
    )
    with gr.Row(elem_classes="sides"):
        with gr.Column(scale=2, min_width=320), gr.Column(elem_classes="board"):
            name = gr.Textbox(label="Name", max_length=keys.NAME_CHARS, elem_id="key-name")
            scopes = gr.CheckboxGroup(SCOPES, value=["ask"], label="May", elem_id="key-scopes")
            collections = gr.Textbox(
                label="Collections, separated by commas. Empty: those open to everyone",
                max_length=1000,
                elem_id="key-collections",
            )
            with gr.Row():
                days = gr.Number(90, label="Days until it expires. 0: never", minimum=0)
                minute = gr.Number(60, label="Requests a minute. 0: no limit", minimum=0)
            made = gr.Button("Make key", variant="primary", elem_id="key-make")
            shown = gr.HTML(elem_id="key-shown")
        with gr.Column(scale=3, min_width=340):
            listed = gr.HTML(parts.LOADING, elem_id="keys-list")
            with gr.Row(elem_classes="actions"):
                chosen = gr.Dropdown([], label="Key", value=None, elem_id="key-chosen")
                revoke = gr.Button("Revoke", size="sm", variant="stop", elem_id="key-revoke")

    def look(who: str) -> View:
        return View(_listed(services, listed, chosen))

    def make(
        who: str, name: str, scopes: list[str], collections: str, days: float, minute: float
    ) -> str:
        named = [part.strip() for part in (collections or "").split(",") if part.strip()]
        wish = KeyWish(name or "", scopes or [], named, float(days or 0), int(minute or 0))
        return str(_shown(keys.make(services, wish, who=who)))

    def end(who: str, key_id: int | None) -> str:
        if key_id is None:
            raise InputError("Choose a key first.")
        key = keys.revoke(services, int(key_id), who=who)
        return str(parts.note(f"{key.name} was revoked. It opens nothing any more.", "good"))

    screen.shows(look, [], [listed, chosen])
    given = [name, scopes, collections, days, minute]
    screen.on(made.click, make, given, [shown], then_look=True)
    screen.on(revoke.click, end, [chosen], [shown], then_look=True)


def _listed(services: Services, listed: gr.HTML, chosen: gr.Dropdown) -> Updates:
    with services.pool.connection() as conn:
        found = api_keys.list_all(conn)
    valid = [(f"{key.name} (…{key.hint})", key.id) for key in found if key.state == "valid"]
    return {listed: str(_table(found)), chosen: gr.Dropdown(valid, value=None)}


def _table(found: list[ApiKey]) -> Markup:
    if not found:
        return parts.note("There are no keys yet.")
    rows = [
        (
            key.name,
            f"…{key.hint}",
            ", ".join(key.scopes),
            ", ".join(key.collections) if key.collections is not None else "open to everyone",
            key.per_minute or "no limit",
            parts.when(key.created_at),
            f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never",
            parts.when(key.used_at) if key.used_at else "never",
            key.state,
        )
        for key in found
    ]
    return parts.table(HEADERS, rows)


def _shown(token: str) -> Markup:
    return parts.note(f"Copy this key now, it is not shown again: {token}", "good")
