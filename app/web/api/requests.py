"""What programs send in OpenAI's form, checked and bounded before anything is done with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pipelines.answering.answer import HISTORY_TURNS, MAX_QUESTION_CHARS
from pipelines.answering.events import Turn
from pipelines.errors import InputError

MOST_MESSAGES = 2000
MOST_INPUTS = 256
MOST_INPUT_CHARS = 32_000
MOST_NAMED = 100
# The model that stands for the serving version, whatever its name is.
SERVING = "attune"
# The list of sources that an answer ends with: no part of what a follow-up leans on.
SOURCES = "\n\nSources:\n"


@dataclass(frozen=True)
class Named:
    """Collections by name, and documents by name or id, that a request is limited to."""

    collections: list[str]
    documents: list[str]


@dataclass(frozen=True)
class ChatRequest:
    """
    A question with the conversation before it.

    `named` are the documents and collections to search; None searches all that the key reaches.
    """

    model: str
    question: str
    history: list[Turn]
    stream: bool
    named: Named | None


@dataclass(frozen=True)
class EmbeddingsRequest:
    """Texts to embed, as questions or as passages of documents."""

    model: str
    texts: list[str]
    are_queries: bool
    as_base64: bool
    dimensions: int | None


def parse(body: bytes) -> dict[str, Any]:
    """
    A JSON object.

    :raises InputError: It is something else.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("The body is not JSON.") from None
    if not isinstance(value, dict):
        raise InputError("The body is not a JSON object.")
    return value


def chat_request(value: dict[str, Any]) -> ChatRequest:
    """
    The question that a chat request ends with.

    :raises InputError: A field is missing, too large or of another type.
    """
    messages = value.get("messages")
    if not isinstance(messages, list) or not 0 < len(messages) <= MOST_MESSAGES:
        raise InputError(f"messages: expected 1 to {MOST_MESSAGES} messages.")
    turns = [turn for turn in map(_turn, messages) if turn is not None]
    if not turns or turns[-1].role != "user":
        raise InputError("messages: the last one has to be the user's question.")
    question = turns[-1].text.strip()
    if not question or len(question) > MAX_QUESTION_CHARS:
        raise InputError(f"messages: the question has 1 to {MAX_QUESTION_CHARS:,} characters.")
    if value.get("n") not in (None, 1):
        raise InputError("n: only one answer is made.")
    return ChatRequest(
        _model(value),
        question,
        turns[:-1][-HISTORY_TURNS:],
        bool(value.get("stream")),
        _named_in(value.get("metadata")),
    )


def _turn(message: Any) -> Turn | None:
    """
    A message of the conversation.

    :returns: None for instructions: the installation has its own.
    """
    if not isinstance(message, dict):
        raise InputError("messages: each is an object with role and content.")
    role, content = message.get("role"), message.get("content")
    if role in ("system", "developer"):
        return None
    if role not in ("user", "assistant"):
        raise InputError("messages: role is system, developer, user or assistant.")
    if isinstance(content, list):
        content = "".join(_part(part) for part in content)
    if content is None and role == "assistant":
        content = ""
    if not isinstance(content, str):
        raise InputError("messages: content is text.")
    if role == "assistant":
        content = content.partition(SOURCES)[0]
    return Turn(role, storable(content))


def _part(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    raise InputError("messages: only parts of type text are read.")


def _named_in(metadata: Any) -> Named | None:
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise InputError("metadata: expected an object.")
    return named(metadata, "metadata.")


def named(value: dict[str, Any], at: str = "") -> Named | None:
    """
    The documents and collections that a request is limited to.

    :param at: Where the object stands, for messages.
    :returns: None if it names neither.
    :raises InputError: They are no names, or too many.
    """
    if value.get("collections") is None and value.get("documents") is None:
        return None
    return Named(_names(value, "collections", at), _names(value, "documents", at))


def _names(value: dict[str, Any], name: str, at: str) -> list[str]:
    given = value.get(name)
    if given is None:
        return []
    # OpenAI's own metadata has texts only.
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list) or not 0 < len(names) <= MOST_NAMED:
        raise InputError(f"{at}{name}: expected 1 to {MOST_NAMED} names.")
    if name == "documents":
        names = [str(one) if type(one) is int else one for one in names]
    if not all(isinstance(one, str) and one.strip() for one in names):
        raise InputError(f"{at}{name}: expected names, in a list or separated by commas.")
    return [storable(one.strip()) for one in names]


def flag(value: dict[str, Any], name: str) -> bool | None:
    """
    A field that is true or false. None if it is missing.

    :raises InputError: It is something else.
    """
    given = value.get(name)
    if given is not None and not isinstance(given, bool):
        raise InputError(f"{name}: expected true or false.")
    return given


def number(text: str, field: str, most: int) -> int:
    """
    A whole number from 1 to `most`.

    :raises InputError: It is something else.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= most):
        raise InputError(f"{field}: expected 1 to {most}.")
    return int(text)


def embeddings_request(value: dict[str, Any]) -> EmbeddingsRequest:
    """
    The texts to embed.

    :raises InputError: A field is missing, too large or of another type.
    """
    given = value.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= MOST_INPUTS:
        raise InputError(f"input: expected a text, or 1 to {MOST_INPUTS} texts.")
    if not all(isinstance(text, str) for text in texts):
        raise InputError(
            "input: expected texts. Tokens of another model mean nothing here; in LangChain set"
            " check_embedding_ctx_length=False."
        )
    if not all(text.strip() and len(text) <= MOST_INPUT_CHARS for text in texts):
        raise InputError(f"input: each text has 1 to {MOST_INPUT_CHARS:,} characters.")
    kind = value.get("input_type", "document")
    model, _, suffix = _model(value).partition(":")
    kind = suffix or kind
    if kind not in ("query", "document"):
        raise InputError("input_type: query or document.")
    coding = value.get("encoding_format") or "float"
    if coding not in ("float", "base64"):
        raise InputError("encoding_format: float or base64.")
    dimensions = value.get("dimensions")
    if dimensions is not None and type(dimensions) is not int:
        raise InputError("dimensions: expected a number.")
    shown = [storable(text) for text in texts]
    return EmbeddingsRequest(model, shown, kind == "query", coding == "base64", dimensions)


def _model(value: dict[str, Any]) -> str:
    model = value.get("model", SERVING)
    if not isinstance(model, str) or not 0 < len(model) <= 200:
        raise InputError('model: expected "attune" or the name of a version.')
    return storable(model)


def storable(text: str) -> str:
    """The text without what the database cannot hold: NUL, and halves of UTF-16 pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
