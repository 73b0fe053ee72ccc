"""A version's files for use elsewhere: as a folder, or on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from app.services import Services
from pipelines.embedder import registry
from pipelines.store import active
from pipelines.store.models import Model
from training.finetune.card import card_of


def export(services: Services, name: str, folder: Path) -> Path:
    """
    Copy a version's files with its card to a new folder, as sentence-transformers loads them.

    :raises InputError: There is no such version, it has no files, or the folder exists.
    """
    model, card = _with_card(services, name)
    return registry.export(model, folder, card, services.options.models)


def push(services: Services, name: str, repo: str, *, private: bool, who: str) -> str:
    """
    Upload a version with its card to the Hugging Face hub, and note it in the audit.

    :returns: The address of its page.
    :raises InputError: There is no such version, it has no files, or `repo` is not a name.
    :raises ProviderError: There is no token or no network, or the hub refuses.
    """
    model, card = _with_card(services, name)
    address = registry.push(model, repo, private=private, card=card, store=services.options.models)
    with services.pool.connection() as conn:
        active.add_audit(conn, who, "push", {"version": model.name, "reason": address})
    return address


def _with_card(services: Services, name: str) -> tuple[Model, str | None]:
    with services.pool.connection() as conn:
        model = registry.find(conn, name)
        return model, card_of(conn, model)
