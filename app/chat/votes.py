"""Votes on answers, with the reason that a visitor may add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from app.access.reader import reader_of
from app.chat.layout import QUIET, Layout, shown_if
from pipelines.store import votes

if TYPE_CHECKING:
    from app.services import Services


class Votes:
    """The handlers of one page's vote buttons and of the reason field."""

    def __init__(self, services: Services, layout: Layout) -> None:
        self._services, self._layout = services, layout

    def connect(self) -> None:
        """Connect the vote buttons and the reason field."""
        page = self._layout
        page.chat.like(self._vote, [page.messages], [page.reason, page.voted, page.why], **QUIET)
        gr.on(
            [page.reason.submit, page.send_reason.click],
            self._give_reason, [page.reason, page.voted], [page.why], **QUIET,
        )  # fmt: skip

    def _vote(self, ids: list[int], event: gr.LikeData, request: gr.Request) -> tuple[Any, ...]:
        message_id = ids[int(event.index)]
        verdict = {"Like": "like", "Dislike": "dislike", True: "like", False: "dislike"}
        chosen, visitor = verdict.get(event.liked), reader_of(request).visitor
        with self._services.pool.connection() as conn:
            if chosen is None:
                votes.remove(conn, visitor, message_id)
            else:
                votes.store(conn, visitor, message_id, chosen)  # type: ignore[arg-type]
        return "", [message_id, chosen], gr.Row(visible=shown_if(chosen is not None))

    def _give_reason(self, reason: str, voted: list[Any], request: gr.Request) -> Any:
        (message_id, verdict), visitor = voted, reader_of(request).visitor
        with self._services.pool.connection() as conn:
            votes.store(conn, visitor, message_id, verdict, reason.strip()[:1000])
        gr.Info("Thank you, noted.", duration=3)
        return gr.Row(visible="hidden")
