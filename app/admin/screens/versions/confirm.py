"""The question before a step that everybody notices: promote, promote anyway, roll back, delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import queue
from app.actions import plans, versions
from app.admin.html import parts
from app.admin.html import versions as versions_html
from app.admin.screen import Screen, Updates
from pipelines.embedder import registry
from pipelines.errors import InputError
from pipelines.store import active, models
from pipelines.store.db import Connection
from training.evaluation.gate import SHORTEST_REASON, Verdict

# The confirm button is bold only where the step is what is advised.
BUTTONS: dict[str, Any] = {"promote": "primary", "delete": "stop"}


@dataclass(frozen=True)
class Pending:
    """
    A step that waits for a yes.

    :param question: The words to ask with.
    :param button: Label of the button that says yes.
    :param reason: Whether to ask for a reason too.
    """

    action: str
    name: str
    question: str
    button: str
    reason: bool = False


class Confirm:
    """The box with the question, and what happens after a yes."""

    def __init__(self, screen: Screen, chosen: gr.State) -> None:
        self._screen, self._services = screen, screen.services
        self._chosen = chosen
        self.pending = gr.State(None)
        with gr.Column(visible=False, elem_classes="board asks") as self.box:
            self.question = gr.HTML(elem_id="asked")
            self.reason = gr.Textbox(
                label="Reason (kept in the history)", max_lines=2, max_length=500, visible=False,
                elem_id="why-reason",
            )  # fmt: skip
            with gr.Row(elem_classes="actions"):
                self.yes = gr.Button("Yes", variant="primary", size="sm", elem_id="confirm")
                self.no = gr.Button("Cancel", size="sm", elem_id="leave-it")

    @property
    def outputs(self) -> list[Any]:
        """What `show` updates."""
        return [self.box, self.question, self.reason, self.yes]

    def show(self, pending: Pending | None) -> Updates:
        """The question that waits for a yes, if one does."""
        if pending is None:
            return {
                self.box: gr.Column(visible=False),
                self.question: "",
                self.reason: gr.Textbox(visible=False),
                self.yes: gr.Button(),
            }
        return {
            self.box: gr.Column(visible=True),
            self.question: str(parts.note(pending.question, "warn")),
            self.reason: gr.Textbox(visible=pending.reason),
            self.yes: gr.Button(pending.button, variant=BUTTONS.get(pending.action, "secondary")),
        }

    def connect(
        self, *, promote: gr.Button, override: gr.Button, back: gr.Button, delete: gr.Button
    ) -> None:
        """Let these buttons ask, and the two of the box answer."""
        asking = ((promote, self._promote), (override, self._override), (delete, self._delete))
        for button, ask in asking:
            self._screen.on(button.click, ask, [self._chosen], [self.pending], then_look=True)
        self._screen.on(back.click, self._back, [], [self.pending], then_look=True)
        forgotten = [self.pending, self.reason]
        self._screen.on(self.no.click, self._forget, [], forgotten, then_look=True)
        self._screen.on(
            self.yes.click, self._do, forgotten, [*forgotten, self._chosen], then_look=True
        )

    def _promote(self, who: str, chosen: str | None) -> Pending:
        name, verdict = self._judged(chosen)
        said = f"{verdict.sentence} {name} will answer everybody's questions. You can roll back within seconds."
        return Pending("promote", name, said, f"Promote {name}")

    def _override(self, who: str, chosen: str | None) -> Pending:
        name, verdict = self._judged(chosen)
        said = f"{verdict.sentence} To promote {name} all the same, say why."
        return Pending("override", name, said, f"Promote {name} anyway", reason=True)

    def _back(self, who: str) -> Pending:
        with self._services.pool.connection() as conn:
            name, left = plans.previous(conn), versions.left(conn)
        if name is None:
            raise InputError("No version served before this one.")
        why = versions_html.why_left(name, left)
        said = f"{why} {name} will answer everybody's questions again, within seconds.".strip()
        button = f"{'Return' if left else 'Roll back'} to {name}"
        return Pending("rollback", name, said, button, reason=True)

    def _delete(self, who: str, chosen: str | None) -> Pending:
        with self._services.pool.connection() as conn:
            name = looked_at(conn, chosen)
        said = f"{name} will be deleted with its files and vectors. This cannot be undone."
        return Pending("delete", name, said, f"Delete {name}")

    def _judged(self, chosen: str | None) -> tuple[str, Verdict]:
        """The version, and whether it should replace the one that serves."""
        with self._services.pool.connection() as conn:
            name = looked_at(conn, chosen)
            return name, versions.verdict(conn, registry.find(conn, name), serving(conn))

    def _forget(self, who: str) -> tuple[None, str]:
        return None, ""

    def _do(self, who: str, pending: Pending | None, reason: str | None) -> tuple[None, str, Any]:
        """Do what was asked about."""
        if pending is None:
            return None, "", gr.skip()
        name, why = pending.name, (reason or "").strip()
        match pending.action:
            case "promote":
                queue.defer(self._services, "promote", who=who, name=name)
            case "override":
                if len(why) < SHORTEST_REASON:
                    raise InputError("Say why in a few words that others will understand later.")
                queue.defer(self._services, "promote", who=who, name=name, override=why)
            case "rollback":
                versions.roll_back(self._services, who=who, reason=why)
            case "delete":
                versions.delete(self._services, name, who=who)
                return None, "", None
        return None, "", gr.skip()


def looked_at(conn: Connection, chosen: str | None) -> str:
    """The chosen version if it still exists, else the newest one."""
    return chosen if chosen and models.exists(conn, chosen) else models.newest_name(conn)


def serving(conn: Connection) -> models.Model:
    """The version that serves."""
    return active.serving(conn).model
