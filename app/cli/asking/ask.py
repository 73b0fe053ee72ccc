"""`attune ask`: one question, answered from the indexed documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import AsJson

if TYPE_CHECKING:
    from rich.text import Text

    from app.services import Services
    from pipelines.answering.events import Answer, Citation, Event
    from pipelines.store.hits import Hit
    from pipelines.store.scope import Selection

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
    document: Annotated[
        list[str] | None,
        typer.Option(
            "--document",
            help="Search only this document, by its id, title or a part of the title; may be"
            " repeated.",
        ),
    ] = None,
    deeper: Annotated[
        bool,
        typer.Option(
            "--deeper",
            help="Let the language model search several times and read on. Takes longer. Questions"
            " for summaries, lists and comparisons do it anyway.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Answer a question from the documents, with its sources.

    Exit code 0 with an answer, or when the documents do not hold one. An LLM that does not answer is
    done without, with a note. Exit code 6 when its answer breaks off, or when vectors cannot be had.
    """
    from app.cli.asking import remote
    from app.cli.common import emit_json, services
    from pipelines.answering.events import Depth
    from pipelines.errors import InputError, ProviderError

    if (there := remote.remote()) is not None:
        if top_k is not None:
            raise InputError("--top-k has no effect with ATTUNE_URL: the server decides.")
        named = {"collections": collection or [], "documents": document or []}
        return remote.ask(there, question, named, deeper=deeper, as_json=as_json)
    with services() as opened:
        within = _within(opened, document or [], collection or [])
        granted = opened.llms.grant()
        answer = opened.answerer.ask(
            question,
            handle=opened.replica.answering(),
            top_k=top_k,
            collections=within,
            llm=granted.llm,
            depth=Depth(deeper or None),
            tell=_tell_step,
        ).noted(granted.note)
        if (why := opened.replica.degraded) is not None:
            typer.secho(f"The serving version cannot be loaded: {why}", err=True, fg="yellow")
    if as_json:
        emit_json(as_dict(answer))
    else:
        _show(answer)
    return ProviderError.exit_code if answer.kind == "error" else 0


def _tell_step(event: Event) -> None:
    """Print a step of a deeper look on stderr when it is done."""
    from pipelines.answering.events import StepTaken

    if isinstance(event, StepTaken):
        typer.secho(f"  {event.text}", err=True, dim=True)


def _within(opened: Services, documents: list[str], collections: list[str]) -> Selection | None:
    """The documents to search, if some are named. Visitors' own are not among them."""
    from pipelines.search import choosing
    from pipelines.store import scope

    if not (documents or collections):
        return None
    for name in collections:
        scope.check_name(name)
    with opened.pool.connection() as conn:
        shared = [name for name in scope.held(conn) if scope.may_read(name)]
        choice = choosing.choose(conn, shared, documents=documents, collections=collections)
    return scope.narrow(shared, choice)


def as_dict(answer: Answer) -> dict[str, Any]:
    """The answer as the JSON output has it: with all passages that were found."""
    from pipelines.answering import as_json

    found = [
        {"number": number, **as_json.passage(hit), "collection": hit.collection}
        for number, hit in enumerate(answer.passages, start=1)
    ]
    return {**as_json.whole(answer), "passages": found, "index_id": answer.index_id}


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
        console.print(_heading(citation.number, citation))
        if not _is_quoted(citation, answer.text):  # extracts hold their sources word for word
            console.print(Text.assemble("    ", _passage(citation)))
    if not answer.citations and answer.passages:
        console.print(Text("\nNearest passages", style="bold"))
        for number, hit in enumerate(answer.passages[:NEAREST], start=1):
            console.print(_heading(number, hit))
            span = answer.nearest[number - 1] if number <= len(answer.nearest) else (0, 200)
            console.print(Text(f"    {_one_line(hit.text[slice(*span)])[:240]}", style="dim"))
    total = answer.timings_ms.get("total", 0.0) / 1e3
    console.print(Text(f"\nversion {answer.model_name}, {total:.2f} s", style="dim"))


def _heading(number: int, passage: Citation | Hit) -> Text:
    from rich.text import Text

    from pipelines.text.places import page_name

    title, page = passage.title, page_name(passage.page, passage.page_label)
    place = ", ".join(part for part in (page, passage.heading or "") if part)
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
