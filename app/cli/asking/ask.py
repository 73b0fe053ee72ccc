"""`attune ask`: one question, answered from the indexed documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import AsJson

if TYPE_CHECKING:
    from rich.text import Text

    from pipelines.answering.events import Answer, Citation

KINDS = {
    "llm": ("Answer", "green"),
    "uncited": ("No source cited", "yellow"),
    "extracts": ("Extracts", "green"),
    "not_found": ("Not in the documents", "yellow"),
    "error": ("Fault", "red"),
    "greeting": ("Attune", "green"),
    "outline": ("Outline", "green"),
}
# Nearest passages shown when there is no answer.
NEAREST = 3


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    top_k: Annotated[
        int | None, typer.Option("--top-k", min=1, max=50, help="Passages to answer from.")
    ] = None,
    collection: Annotated[
        list[str] | None,
        typer.Option(
            "--collection",
            help="Search only this collection; may be repeated. `handbook` asks about Attune.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Answer a question from the documents, with its sources.

    Exit code 0 with an answer, or when the documents do not hold one. Exit code 6 when the LLM failed.
    """
    from app.cli.common import emit_json, services
    from pipelines.errors import ProviderError
    from pipelines.store import scope

    for name in collection or ():
        scope.check_name(name)
    with services() as opened:
        answer = opened.answerer.ask(
            question, handle=opened.replica.answering(), top_k=top_k, collections=collection
        )
        if (why := opened.replica.degraded) is not None:
            typer.secho(f"The serving version cannot be loaded: {why}", err=True, fg="yellow")
    if as_json:
        emit_json(as_dict(answer))
    else:
        _show(answer)
    return ProviderError.exit_code if answer.kind == "error" else 0


def as_dict(answer: Answer) -> dict[str, Any]:
    """The answer as the JSON output has it."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "kind": answer.kind,
        "note": answer.note,
        "searched_for": answer.remarks.searched or answer.question,
        "suggestions": list(answer.remarks.suggestions),
        "citations": [_citation(citation) for citation in answer.citations],
        "no_source_cited": answer.uncited,
        "dropped_citations": answer.dropped_citations,
        "corrected_citations": answer.remarks.corrected,
        "unsupported": [answer.text[start:end] for start, end in answer.remarks.unsupported],
        "passages": [
            {
                "number": number,
                "document": hit.title,
                "document_id": hit.document_id,
                "source": hit.source,
                "collection": hit.collection,
                "page": hit.page,
                "heading": hit.heading,
                "chunk_id": hit.chunk_id,
                "text": hit.text,
                "score": hit.score,
            }
            for number, hit in enumerate(answer.passages, start=1)
        ],
        "model_version": answer.model_name,
        "index_id": answer.index_id,
        "epoch": answer.epoch,
        "llm": answer.llm,
        "timings_ms": answer.timings_ms,
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "document": citation.title,
        "document_id": citation.document_id,
        "source": citation.source,
        "page": citation.page,
        "heading": citation.heading,
        "chunk_id": citation.chunk_id,
        "text": citation.text,
        "span": citation.span,
        "highlighted": citation.highlight,
        "score": citation.score,
    }


def _show(answer: Answer) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    label, colour = KINDS["uncited" if answer.uncited else answer.kind]
    console.print(Text(label, style=f"bold {colour}"))
    console.print(Text(answer.text))
    if answer.note:
        console.print(Text(answer.note, style="yellow"))
    for start, end in answer.remarks.unsupported:
        console.print(Text(f"Not found in the passages: {answer.text[start:end]}", style="yellow"))
    for question in answer.remarks.suggestions:
        hint = (
            "Did you mean: " if answer.kind in ("not_found", "extracts") else "Ask, for example: "
        )
        console.print(Text.assemble((hint, "dim"), question))
    for citation in answer.citations:
        console.print()
        console.print(_heading(citation.number, citation.title, citation.page, citation.heading))
        if not _is_quoted(citation, answer.text):  # extracts hold their sources word for word
            console.print(Text.assemble("    ", _passage(citation)))
    if not answer.citations and answer.passages:
        console.print(Text("\nNearest passages", style="bold"))
        for number, hit in enumerate(answer.passages[:NEAREST], start=1):
            console.print(_heading(number, hit.title, hit.page, hit.heading))
            console.print(Text(f"    {_one_line(hit.text)[:200]}", style="dim"))
    total = answer.timings_ms.get("total", 0.0) / 1e3
    console.print(Text(f"\nversion {answer.model_name}, {total:.2f} s", style="dim"))


def _heading(number: int, title: str, page: int | None, heading: str | None) -> Text:
    from rich.text import Text

    place = ", ".join(part for part in (f"page {page}" if page else "", heading or "") if part)
    return Text.assemble(
        (f"[{number}] ", "bold cyan"), (title, "bold"), f"  {place}" if place else ""
    )


def _passage(citation: Citation) -> Text:
    """The marked sentence, or the start of the passage if nothing is marked."""
    from rich.text import Text

    if citation.highlight is None:
        return Text(_one_line(citation.text)[:200], style="dim")
    return Text(_one_line(citation.highlight), style="italic")


def _is_quoted(citation: Citation, text: str) -> bool:
    """Whether the marked sentence stands in the answer already."""
    return bool(citation.highlight) and _one_line(citation.highlight or "") in _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
