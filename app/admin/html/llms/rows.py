"""Language models as their screen shows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.actions.llms.trial import LLMTrial
from app.admin.html import parts
from pipelines.answering.llm import LLMOptions
from pipelines.store.ids import LanguageModelId
from pipelines.store.language_models import LanguageModel

HEADERS = ["Name", "Use", "Model", "Address", "Key"]
OPENAI = "OpenAI"


def table(models: Sequence[LanguageModel], chosen: LanguageModelId | None) -> str:
    """The language models, each a row to choose. The first one answers by default."""
    if not models:
        said = "Answers are quotes from the documents. Add a model to get written answers."
        return parts.stack(parts.empty("No language model is set up", said))
    rows = [(model.id, _row(model, is_first=model == models[0])) for model in models]
    return parts.stack(parts.choices(HEADERS, rows, chosen))


def _row(model: LanguageModel, *, is_first: bool) -> list[object]:
    use = parts.pill("answers", "good") if is_first else ""
    key = "kept" if model.secret is not None else "none"
    return [model.name, use, model.model, model.address or OPENAI, key]


def heading(model: LanguageModel | None = None) -> str:
    """What the form is about: a language model, or a new one."""
    return str(parts.heading("Add a language model" if model is None else model.name))


def fixed(llm: LLMOptions) -> str:
    """What stands where the environment sets the language model."""
    facts = [
        ("Model", llm.model),
        ("Address", llm.base_url or OPENAI),
        ("Key", "set" if llm.api_key else "none"),
    ]
    said = (
        "The environment of the server sets the language model, and wins over this page. To change"
        " it, set ATTUNE_LLM, OPENAI_BASE_URL and OPENAI_API_KEY. To choose it here, unset all three."
    )
    return parts.stack(parts.note(said), parts.facts(facts))


def tried(result: LLMTrial) -> str:
    """What came of a trial."""
    if result.works:
        return str(parts.note(result.sentence, "good"))
    return str(parts.note(f"{result.sentence} ({result.seconds:.1f} s)", "bad"))
