"""The language models that admins add: added, changed, removed. Each step is in the audit."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.actions.llms import address as addresses
from app.live.llms import options
from app.sealing import secrets
from app.services import Services
from pipelines.answering.llm import LLMOptions
from pipelines.errors import InputError
from pipelines.store import active, language_models
from pipelines.store.db import Connection
from pipelines.store.ids import LanguageModelId
from pipelines.store.language_models import LanguageModel

MOST_CHARS, KEY_CHARS, MOST_MODELS = 200, 4000, 20
NO_SUCH = "There is no such language model: attune llm show"


@dataclass(frozen=True)
class ModelWish:
    """
    What a language model shall be.

    :param model: What the endpoint calls it.
    :param address: The endpoint. Empty stands for OpenAI's.
    :param name: What people call it. Empty: as the endpoint does.
    :param key: Empty: the one that is kept, if there is one and it belongs to the same server.
    """

    model: str
    address: str = ""
    name: str = ""
    key: str = field(default="", repr=False)

    def checked(self) -> ModelWish:
        """
        Without blanks around it.

        :raises InputError: A part of it cannot be used.
        """
        model, key = self.model.strip(), self.key.strip()
        name = " ".join(self.name.split()) or model
        if not model or len(model) > MOST_CHARS or not model.isprintable():
            raise InputError(
                f"Name the model as its provider does, in at most {MOST_CHARS} characters, e.g."
                " gpt-4o-mini."
            )
        if len(name) > MOST_CHARS or not name.isprintable():
            raise InputError(f"A name has at most {MOST_CHARS} characters.")
        if len(key) > KEY_CHARS or not key.isascii() or not key.isprintable() or " " in key:
            raise InputError("This is no key: one has letters, digits and signs, and no blanks.")
        return ModelWish(model, addresses.normal(self.address), name, key)


def refuse_fixed(services: Services) -> None:
    """
    Refuse a change where the environment decides.

    :raises InputError: It sets a language model.
    """
    if services.llms.fixed is not None:
        raise InputError(
            "The environment sets the language model, and wins: change ATTUNE_LLM, OPENAI_BASE_URL"
            " and OPENAI_API_KEY there, or unset them."
        )


def save(
    services: Services,
    wish: ModelWish,
    model_id: LanguageModelId | None = None,
    *,
    who: str,
    by_operator: bool = False,
) -> LanguageModel:
    """
    Add a language model, or change the one with this id.

    :param by_operator: Whether somebody at a terminal of this machine asks, who may name any server.
    :raises InputError: It cannot be one, the name is taken, or there is none with this id.
    :raises AccessError: Its server may not be reached.
    """
    refuse_fixed(services)
    wish = wish.checked()
    if not by_operator:
        addresses.check_reach(services.settings, wish.address)
    with services.pool.connection() as conn, conn.transaction():
        before = None if model_id is None else find(conn, model_id)
        kept = _kept(before, wish)
        secret = secrets.close(services.settings, wish.key) if wish.key else kept
        if secret is None and not wish.address:
            raise InputError("OpenAI needs a key. Give it, or the address of another server.")
        named = language_models.by_name(conn, wish.name)
        if named is not None and named.id != model_id:
            raise InputError(f"There is a language model called {wish.name} already.")
        values = {"name": wish.name, "address": wish.address, "model": wish.model}
        if before is None:
            if len(language_models.list_all(conn)) >= MOST_MODELS:
                raise InputError(f"There are {MOST_MODELS} language models. Remove one first.")
            added = language_models.add(conn, **values, secret=secret, who=who)
            assert added is not None, "the name is free"
            model_id = added
        else:
            language_models.change(conn, before.id, **values, secret=secret, who=who)
            model_id = before.id
        deed = "add language model" if before is None else "change language model"
        key = "given" if wish.key else "none" if secret is None else "kept"
        active.add_audit(conn, who, deed, {"id": model_id, **values, "key": key})
        return find(conn, model_id)


def put_first(services: Services, model_id: LanguageModelId, *, who: str) -> LanguageModel:
    """
    Let a language model answer where nobody chooses another one.

    :raises InputError: There is none with this id.
    """
    refuse_fixed(services)
    with services.pool.connection() as conn, conn.transaction():
        model = find(conn, model_id)
        language_models.put_first(conn, model_id)
        active.add_audit(conn, who, "use language model", {"id": model.id, "name": model.name})
    return model


def remove(services: Services, model_id: LanguageModelId, *, who: str) -> LanguageModel:
    """
    Forget a language model and its key. Without any, answers are extracts.

    :raises InputError: There is none with this id.
    """
    with services.pool.connection() as conn, conn.transaction():
        model = find(conn, model_id)
        language_models.delete(conn, model_id)
        active.add_audit(conn, who, "remove language model", {"id": model.id, "name": model.name})
    return model


def find(conn: Connection, model_id: LanguageModelId) -> LanguageModel:
    """
    The language model with this id.

    :raises InputError: There is none.
    """
    model = language_models.get(conn, model_id)
    if model is None:
        raise InputError(NO_SUCH)
    return model


def wished_options(
    services: Services,
    wish: ModelWish,
    model_id: LanguageModelId | None = None,
    *,
    by_operator: bool = False,
) -> LLMOptions:
    """
    How the language model of a wish would be called. The parameters are those of `save`.

    :raises InputError: It cannot be one, or its key cannot be read here.
    :raises AccessError: Its server may not be reached.
    """
    wish = wish.checked()
    if not by_operator:
        addresses.check_reach(services.settings, wish.address)
    key = wish.key
    if not key and model_id is not None:
        with services.pool.connection() as conn:
            before = find(conn, model_id)
        if _kept(before, wish) is not None:
            key = services.llms.options(before).api_key
    return options(services.settings, wish.model, wish.address, key)


def _kept(before: LanguageModel | None, wish: ModelWish) -> bytes | None:
    """The key that stays: one is never sent to another server than the one it was given for."""
    if before is None or addresses.origin(before.address) != addresses.origin(wish.address):
        return None
    return before.secret
