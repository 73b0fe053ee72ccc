"""The chat model's options, and its faults in words. The client is imported at the first use."""

from __future__ import annotations

import json
import logging
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client import Counter

from pipelines.answering.prompts.template import DEFAULT, Prompts
from pipelines.errors import ProviderError

# The metrics of the process report them.
llm_requests = Counter("attune_llm_requests", "Requests to the language model, retries included.")
llm_errors = Counter(
    "attune_llm_errors", "Requests to it that failed, by the kind of fault.", ["type"]
)
llm_tokens = Counter("attune_llm_tokens", "Tokens that it counted, where it tells them.", ["kind"])

SILENT = "did not answer"
EMPTY = "sent an empty answer. Try again."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LLMOptions:
    """
    The chat model and its endpoint.

    `timeout_s` is the longest silence before a token, including retries. With `counts_tokens` the
    endpoint is asked how many tokens a streamed answer took. Some refuse the question. `prompts` are
    what it is told.
    """

    model: str
    api_key: str = field(default="", repr=False)
    base_url: str | None = None
    timeout_s: float = 60
    counts_tokens: bool = False
    prompts: Prompts = field(default=DEFAULT, repr=False)


class LLMError(ProviderError):
    """
    The language model failed.

    :param reason: The fault, as the end of "The language model ...".
    """

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"The language model {model} {reason}")
        self._model, self._reason = model, reason

    @property
    def without_answer(self) -> str:
        """The fault of a model that has not written anything, for the person who asked."""
        if self._reason.startswith(SILENT):
            return str(self)
        return f"The language model {self._model} {SILENT}: it {self._reason}"


def explain(error: BaseException, options: LLMOptions) -> LLMError:
    """Explain a fault of the language model in words for the person who asked, and count it."""
    llm_errors.labels(type(_cause(error)).__name__).inc()
    return LLMError(options.model, _reason(_cause(error), options))


def empty_answer(model: str) -> LLMError:
    """The fault of a model that ended without having written anything. It is counted."""
    llm_errors.labels("EmptyAnswer").inc()
    return LLMError(model, EMPTY)


def count_tokens(usage: object) -> None:
    """Count the tokens that an endpoint says an answer took. It may say nothing."""
    for kind in ("prompt", "completion"):
        told = usage.get(f"{kind}_tokens") if isinstance(usage, Mapping) else None
        if isinstance(told, int) and told > 0:
            llm_tokens.labels(kind).inc(told)


@dataclass(frozen=True)
class Retry:
    """A retry that may help, after a pause. `reason` ends the sentence "The language model ..."."""

    reason: str
    wait_s: float


def retry(error: BaseException, attempt: int) -> Retry | None:
    """
    Decide about a retry after an attempt that failed before its first word.

    :param attempt: Counts from 1. Pauses double unless the provider names one.
    :returns: None if a retry is useless.
    """
    import openai

    cause = _cause(error)
    if isinstance(cause, openai.RateLimitError) and cause.code != "insufficient_quota":
        reason = "is busy"
    elif isinstance(cause, openai.InternalServerError):
        reason = "has a fault of its own"
    elif isinstance(cause, openai.APIConnectionError):
        reason = "is out of reach"
    else:
        return None
    llm_errors.labels(type(cause).__name__).inc()
    pause_s: float = random.uniform(0.375, 0.5) * 2 ** (attempt - 1)
    return Retry(reason, _asked_to_wait(cause) or pause_s)


def _asked_to_wait(cause: BaseException) -> float | None:
    """The pause in seconds that the provider asks for, if any."""
    response = getattr(cause, "response", None)
    try:
        seconds = float(response.headers["retry-after"]) if response is not None else 0
    except (KeyError, ValueError):
        return None
    return seconds if 0 < seconds < math.inf else None


def _cause(error: BaseException) -> BaseException:
    """The client's own error, without the errors wrapped around it."""
    import openai

    cause = error
    while cause.__cause__ is not None and not isinstance(cause, (openai.OpenAIError, TimeoutError)):
        cause = cause.__cause__
    return cause


def _reason(cause: BaseException, options: LLMOptions) -> str:
    import openai

    if isinstance(cause, (openai.APITimeoutError, TimeoutError)):
        return f"{SILENT} within {options.timeout_s:g} seconds. Try again."
    if isinstance(cause, openai.AuthenticationError):
        return "refused the key (401). The administrator needs to check the key."
    if isinstance(cause, openai.PermissionDeniedError):
        return "is not open to this key (403). The administrator needs to check the account."
    if isinstance(cause, openai.NotFoundError):
        return "is not known to the provider (404)."
    if isinstance(cause, openai.RateLimitError):
        if cause.code == "insufficient_quota":
            return "has no credit left (429). The administrator needs to check the account."
        return "got too many requests (429). Try again in a moment."
    if isinstance(cause, openai.BadRequestError):
        if cause.code == "context_length_exceeded" or "context length" in str(cause).lower():
            return "cannot take so much text. Ask for fewer passages."
        return "refused the request (400)."
    if isinstance(cause, openai.InternalServerError):
        return f"has a fault of its own ({cause.status_code}). Try again in a moment."
    if isinstance(cause, openai.APIStatusError):
        return f"refused the request ({cause.status_code})."
    if isinstance(cause, openai.APIConnectionError):
        return "is out of reach, because the connection failed. Try again."
    if isinstance(cause, json.JSONDecodeError):
        return "sent something that cannot be read."
    log.warning("the language model's stream ended in %s", type(cause).__name__)
    return "broke off its answer. Try again."
