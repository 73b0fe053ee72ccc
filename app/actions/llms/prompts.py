"""What the language model is told for answers: seen, tried, changed and put back. Each is in the audit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from app.services import Services
from pipelines.answering.events import Answer, Depth
from pipelines.answering.prompts import template as templates
from pipelines.answering.prompts.template import NAMES, Name, Prompts
from pipelines.errors import InputError
from pipelines.store import active, prompts

NO_MODEL = "There is no language model to try it with. Add one first."


@dataclass(frozen=True)
class ShownPrompt:
    """
    A template as people see it.

    :param changed_by: Who put it in the place of the default. None: it is the default.
    """

    name: Name
    template: str
    changed_by: str | None = None
    changed_at: datetime | None = None


def named(name: str) -> Name:
    """
    The name of a template.

    :raises InputError: There is none with this name.
    """
    found = next((one for one in NAMES if one == name), None)
    if found is None:
        raise InputError(f"There are instructions for {' and for '.join(NAMES)}, not for {name!r}.")
    return found


def show(services: Services, name: Name) -> ShownPrompt:
    """The template that counts."""
    with services.pool.connection() as conn:
        stored = next((one for one in prompts.list_all(conn) if one.name == name), None)
    if stored is None:
        return ShownPrompt(name, templates.default(name))
    return ShownPrompt(name, stored.template, stored.changed_by, stored.changed_at)


def save(services: Services, name: Name, template: str, *, who: str) -> ShownPrompt:
    """
    Put a template in the place of the default. Every server uses it at its next question.

    :raises InputError: It lacks something that answers need.
    """
    template = templates.checked(template)
    if template == templates.default(name):
        return reset(services, name, who=who)
    with services.pool.connection() as conn, conn.transaction():
        prompts.store(conn, name, template, who=who)
        active.add_audit(conn, who, "change instructions", {"for": name, "template": template})
    return show(services, name)


def reset(services: Services, name: Name, *, who: str) -> ShownPrompt:
    """Bring the default back."""
    with services.pool.connection() as conn, conn.transaction():
        if prompts.delete(conn, name):
            active.add_audit(conn, who, "reset instructions", {"for": name})
    return show(services, name)


def try_out(services: Services, name: Name, template: str, question: str, *, who: str) -> Answer:
    """
    Answer a question with a template that is not stored. Nobody else notices.

    :raises InputError: It lacks something that answers need, or there is no language model.
    """
    template = templates.checked(template)
    llm = services.llms.grant().llm
    if llm is None:
        raise InputError(NO_MODEL)
    with services.pool.connection() as conn:
        active.add_audit(conn, who, "try instructions", {"for": name})
    tried = Prompts(**{**vars(llm.prompts), name: template})
    services.replica.answering()
    with services.replica.question() as handle:
        return services.answerer.ask(
            question,
            handle=handle,
            llm=replace(llm, prompts=tried),
            depth=Depth(name == "deeper"),
        )
