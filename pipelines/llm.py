"""The chat model's options, and its faults in words. The client itself loads with the first use."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field

from pipelines.errors import ProviderError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LLMOptions:
    """
    Which chat model, where. `timeout_s` is the longest silence before a token, retries included.
    """

    model: str
    api_key: str = field(default="", repr=False)
    base_url: str | None = None
    timeout_s: float = 60


def explain(error: BaseException, options: LLMOptions) -> ProviderError:
    """What went wrong with the language model, in words for the person who asked."""
    import openai

    cause = error
    while cause.__cause__ is not None and not isinstance(cause, (openai.OpenAIError, TimeoutError)):
        cause = cause.__cause__
    return ProviderError(f"The language model {_reason(cause, options)}")


def _reason(cause: BaseException, options: LLMOptions) -> str:
    import openai

    if isinstance(cause, (openai.APITimeoutError, TimeoutError)):
        return f"did not answer within {options.timeout_s:g} seconds. Try again."
    if isinstance(cause, openai.AuthenticationError):
        return "refused the key (401). The administrator needs to check OPENAI_API_KEY."
    if isinstance(cause, openai.PermissionDeniedError):
        return "is not open to this key (403). The administrator needs to check the account."
    if isinstance(cause, openai.NotFoundError):
        return f"{options.model!r} is not known to the provider (404)."
    if isinstance(cause, openai.RateLimitError):
        if cause.code == "insufficient_quota":
            return "has no credit left (429). The administrator needs to check the account."
        return "is busy: too many requests (429). Try again in a moment."
    if isinstance(cause, openai.BadRequestError):
        if cause.code == "context_length_exceeded" or "context length" in str(cause).lower():
            return "cannot take so much text. Ask for fewer passages."
        return "refused the request (400)."
    if isinstance(cause, openai.InternalServerError):
        return f"has a fault of its own ({cause.status_code}). Try again in a moment."
    if isinstance(cause, openai.APIStatusError):
        return f"refused the request ({cause.status_code})."
    if isinstance(cause, openai.APIConnectionError):
        return "is out of reach: the connection failed. Try again."
    if isinstance(cause, json.JSONDecodeError):
        return "sent something that cannot be read."
    log.warning("the language model's stream ended in %s", type(cause).__name__)
    return "broke off its answer. Try again."
