"""
The language models that answers may be written with: the environment's, or those that admins added.

What admins added, and what they changed in the instructions, is read from the database at every
question. So a change reaches every process at its next question, and an answer under way ends with
the model and the instructions that it began with.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from app.access.limits import OVER_BUDGET, Limits
from app.sealing import secrets
from app.settings import Settings
from pipelines.answering.llm import LLMOptions
from pipelines.answering.prompts.template import DEFAULT, Prompts
from pipelines.errors import InputError
from pipelines.store import language_models, prompts
from pipelines.store.db import Connection, Pool
from pipelines.store.ids import LanguageModelId
from pipelines.store.language_models import LanguageModel

BROKEN = (
    "The language model cannot be used: its key cannot be read on this server. An admin needs to"
    " give it again. Until then answers are extracts from the documents."
)

# Chosen where somebody wants quotes although there is a language model.
NO_MODEL = LanguageModelId(0)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Granted:
    """
    The language model for one question.

    :param llm: None if the answer is to be extracts.
    :param note: Why it is, where the answer should say so. Empty if it should say nothing.
    """

    llm: LLMOptions | None = None
    note: str | None = None


class LanguageModels:
    """The language models of one process. Safe to share between threads."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool, self._settings = pool, settings
        self.fixed = _of_environment(settings)
        # Keys that were decrypted, by what they were decrypted from: it takes a tenth of a second.
        self._keys: dict[bytes, str] = {}

    def added(self) -> list[LanguageModel]:
        """Those that admins added and that may be used. The first one answers by default."""
        if self.fixed is not None:
            return []
        with self._pool.connection() as conn:
            found = self.offered(conn)
        known = {one.secret for one in found}
        self._keys = {secret: key for secret, key in self._keys.items() if secret in known}
        return found

    def offered(self, conn: Connection) -> list[LanguageModel]:
        """Those that people may choose among. There are none where the environment decides."""
        return language_models.list_all(conn) if self.fixed is None else []

    def is_set(self, conn: Connection) -> bool:
        """Whether there is any."""
        return self.fixed is not None or bool(self.offered(conn))

    def default(self) -> LLMOptions | None:
        """
        The one that is used where nobody chooses, or None if there is none.

        :raises InputError: Its key was encrypted with another key than this process has.
        """
        first = next(iter(self.added()), None)
        return self.fixed if first is None else self.options(first)

    def options(self, model: LanguageModel) -> LLMOptions:
        """
        How to call a language model.

        :raises InputError: Its key was encrypted with another key than this process has.
        """
        key = "" if model.secret is None else self._opened(model.name, model.secret)
        return options(self._settings, model.model, model.address, key)

    def grant(
        self,
        limits: Limits | None = None,
        *,
        calls: int = 1,
        wanted: LanguageModelId | None = None,
    ) -> Granted:
        """
        The language model for one question, if the day's calls are not used up.

        :param limits: None if nobody counts, as at a terminal.
        :param calls: Calls of the language model that the answer will take.
        :param wanted: The one that was chosen, or `NO_MODEL`. If it is gone, it is the default.
        """
        if wanted == NO_MODEL:
            return Granted(note="")  # nobody is told to add one
        try:
            found = self.added()
            chosen = next((one for one in found if one.id == wanted), next(iter(found), None))
            llm = self.fixed if chosen is None else self.options(chosen)
        except InputError as error:
            log.warning("no language model: %s", error)
            return Granted(note=BROKEN)
        if llm is None:
            return Granted()
        if limits is not None and not limits.may_call_llm(calls):
            return Granted(note=OVER_BUDGET)
        return Granted(replace(llm, prompts=self.prompts()))

    def prompts(self) -> Prompts:
        """What the language models are told."""
        with self._pool.connection() as conn:
            changed = {one.name: one.template for one in prompts.list_all(conn)}
        return Prompts(changed.get("answer"), changed.get("deeper")) if changed else DEFAULT

    def _opened(self, name: str, secret: bytes) -> str:
        if secret not in self._keys:
            opened = secrets.open_(self._settings, secret, f"The key of {name}")
            self._keys = {**self._keys, secret: opened}
        return self._keys[secret]


def options(settings: Settings, model: str, address: str, key: str) -> LLMOptions:
    """How to call a model at an address, with the settings that hold for all."""
    return LLMOptions(
        model,
        api_key=key,
        base_url=address or None,
        timeout_s=settings.llm_timeout_s,
        counts_tokens=settings.llm_usage == "on" or (settings.llm_usage == "auto" and not address),
    )


def _of_environment(settings: Settings) -> LLMOptions | None:
    """The one that the environment sets, if it does."""
    if settings.llm_model is None:
        return None
    key = settings.openai_api_key.get_secret_value()
    return options(settings, settings.llm_model, settings.openai_base_url, key)
