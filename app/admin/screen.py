"""
What every screen of the admin page shares: who may, what happens to faults, and when to look again.

A handler takes the admin's name first, then what its event hands it, and returns its updates. It
runs in a thread, so it may wait for the database.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import gradio as gr

from app.access.auth import require_admin
from pipelines.errors import DISK_FULL, AttuneError, InputError, is_disk_full

if TYPE_CHECKING:
    from app.services import Services

log = logging.getLogger(__name__)

Updates = dict[Any, Any]
# What the page calls is not offered as an API, and no block grows a spinner for a short look.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
LOOK_S, IDLE_LOOK_S = 2, 15
# The first thing a look is given, put in by the browser.
_SEEN = "(_, ...given) => [window.attuneSeen(), ...given]"


@dataclass(frozen=True)
class View:
    """
    What a screen shows now.

    :param running: Whether something under way will soon look different.
    """

    updates: Updates
    running: bool = False


def _next_look(view: View) -> gr.Timer:
    return gr.Timer(LOOK_S if view.running else IDLE_LOOK_S, active=True)


def handler(function: Callable[..., Any], *, has_outputs: bool = True) -> Callable[..., Any]:
    """
    A handler of the admin page from a function that takes the admin's name first.

    The role is checked before anything happens. An `AttuneError` becomes its sentence. Any other
    fault
    becomes an incident id with a logged traceback. In both cases nothing on the page changes.
    """
    signature = inspect.signature(function)
    rest = list(signature.parameters.values())[1:]
    hints = typing.get_type_hints(function)

    @functools.wraps(function)
    async def run(request: gr.Request, *values: Any) -> Any:
        try:
            who = await asyncio.to_thread(require_admin, request)
            if inspect.iscoroutinefunction(function):
                return await function(who, *values)
            return await asyncio.to_thread(function, who, *values)
        except AttuneError as error:
            gr.Warning(str(error), title="Not done")
        except Exception as error:
            if is_disk_full(error):
                gr.Warning(DISK_FULL, title="Not done")
                return gr.skip() if has_outputs else None
            incident = uuid4().hex[:8]
            log.exception("incident %s", incident)
            gr.Warning(
                f"An unexpected fault (incident {incident}). The server's log has its details.",
                title="Not done",
            )
        return gr.skip() if has_outputs else None

    # Gradio reads the parameters from here. It must not follow to the wrapped function.
    asked = inspect.Parameter("asker", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    del run.__wrapped__
    run.__signature__ = signature.replace(parameters=[asked, *rest])  # type: ignore[attr-defined]
    run.__annotations__ = {"asker": gr.Request} | {
        p.name: hints[p.name] for p in rest if p.name in hints
    }
    return run


@dataclass
class Screen:
    """
    One tab of the page, given to its `build`.

    :param seen: Takes the name of the tab that the visitor looks at from the browser at every look.
        The server could not keep it: what two tabs answer may arrive in either order.
    """

    services: Services
    name: str
    tab: gr.Tab
    seen: gr.Textbox
    timer: gr.Timer
    _look: Callable[..., Any] | None = field(default=None, repr=False)
    _look_io: tuple[list[Any], list[Any]] = field(default=([], []), repr=False)

    def shows(
        self, look: Callable[..., View], inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        """
        Call `look` when the tab is opened, and again while it is seen: every few seconds while
        something runs, else now and then. Others may begin something, and a look that began before
        a job was queued may end after it.

        :param look: Takes the admin's name and the inputs' values. It is cheap and has no effect.
        """

        def opened(who: str, *values: Any) -> Updates:
            view = look(who, *values)
            return {**view.updates, self.timer: _next_look(view)}

        def again(who: str, seen: str, *values: Any) -> Updates:
            if seen != self.name:
                return {self.timer: gr.Timer(active=False)}
            view = look(who, *values)
            return {**view.updates, self.timer: _next_look(view)}

        self._look = again
        self._look_io = [self.seen, *inputs], [*outputs, self.timer]
        self.on(self.tab.select, opened, inputs, [*outputs, self.timer])
        self.on(self.timer.tick, again, *self._look_io, js=_SEEN)

    def on(
        self,
        triggers: Any,
        function: Callable[..., Any],
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        *,
        then_look: bool = False,
        **options: Any,
    ) -> Any:
        """
        Connect events to a function that takes the admin's name first.

        :param then_look: Look at the screen again afterwards.
        """
        events = triggers if isinstance(triggers, list) else [triggers]
        asked = gr.on(
            events,
            handler(function, has_outputs=bool(outputs)),
            list(inputs),
            list(outputs),
            **{**QUIET, **options},
        )
        if then_look:
            assert self._look is not None, "call shows() before"
            asked = asked.then(handler(self._look), *self._look_io, js=_SEEN, **QUIET)
        return asked


def header(title: str, help_text: str) -> None:
    """The screen's name and, in a sentence or two, what it is for."""
    gr.Markdown(f"## {title}\n{help_text}", elem_classes="screen-title")


# A click on anything that carries `data-pick` is an event of the component, with what it carries.
_PICK = """
element.addEventListener('click', (event) => {
  const picked = event.target.closest('[data-pick]');
  if (picked && !picked.disabled) trigger('select', { pick: picked.dataset.pick });
});
"""


def clickable(elem_id: str, **options: Any) -> gr.HTML:
    """
    HTML whose `select` event says what was clicked: a row of `parts.choices` (its key is `event.pick`)
    or a button of `parts.pick` (see `picked`).
    """
    return gr.HTML(elem_id=elem_id, js_on_load=_PICK, **options)


def picked(event: gr.EventData) -> tuple[str, int]:
    """
    The verb and the id of the clicked `parts.pick`. Both are the client's own words.

    :raises InputError: No page sends such an event.
    """
    verb, _, number = str(event._data.get("pick", "")).partition(":")
    if not number.isascii() or not number.isdigit():
        raise InputError("This cannot be opened. Load the page again.")
    return verb, int(number)


def chosen(text: str | None) -> list[int]:
    """The ids that the page's script put together from checkboxes."""
    return [int(part) for part in (text or "").split(",") if part.isascii() and part.isdigit()]


PAGE_ROWS = 25


def pages(total: int, number: int, rows: int = PAGE_ROWS) -> tuple[int, str, Any, Any]:
    """
    Clamp the page number.

    :returns: The page number, the `1–25 of 80` label, and both buttons.
    """
    last = max(0, (total - 1) // rows)
    number = min(max(0, number), last)
    first = number * rows + 1 if total else 0
    words = f"{first:,}–{min(total, (number + 1) * rows):,} of {total:,}" if total else ""
    before, after = gr.Button(interactive=number > 0), gr.Button(interactive=number < last)
    return number, words, before, after


class Pager:
    """Buttons that turn pages, with the words between them."""

    def __init__(self, name: str) -> None:
        self.number = gr.State(0)
        with gr.Row(elem_classes="pager", elem_id=f"{name}-pager"):
            self.before = gr.Button("‹", size="sm", elem_id=f"{name}-before")
            self.words = gr.Markdown("", elem_classes="pager-words")
            self.after = gr.Button("›", size="sm", elem_id=f"{name}-after")

    @property
    def outputs(self) -> list[Any]:
        """What `show` updates."""
        return [self.number, self.words, self.before, self.after]

    def show(self, total: int, number: int) -> tuple[int, Updates]:
        """The first row of the page to show, and the pager's own updates."""
        number, words, before, after = pages(total, number)
        found = {self.number: number, self.words: words, self.before: before, self.after: after}
        return number * PAGE_ROWS, found

    def connect(self, screen: Screen) -> None:
        """Let the buttons turn the page of a screen that looks by `number`."""
        screen.on(self.before.click, _one_less, [self.number], [self.number], then_look=True)
        screen.on(self.after.click, _one_more, [self.number], [self.number], then_look=True)


def _one_less(_: str, number: int) -> int:
    return number - 1


def _one_more(_: str, number: int) -> int:
    return number + 1
