"""
Answers without a language model: does the value that was asked for stand in what is shown?

Questions over two 10-Ks, files of the zoo and small documents written for this bench (a manual,
a product page, accident reports, minutes, in English and German), each with the value that a right
answer holds, and questions that none of the documents answers. Half `a` was written before the
rules of the extracts and served to choose them, half `b` after they were frozen.

The figures of the extracts as they were before this bench (data/answers/before.json) were measured
by this module on the commit named there. `python -m bench.answers a HOME` prints each answer.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.services import Services, open_services
from app.settings import Settings
from bench import citations
from pipelines.answering.events import Answer
from pipelines.indexing.convert import Converter
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester

OWN = Path(__file__).with_name("data") / "answers"
ZOO = Path(__file__).resolve().parents[2] / "shared" / "data" / "zoo"
COLLECTION = "answers"
HALVES = ("a", "b")
FROM_ZOO = (
    "pdf/lyft_2021.pdf",
    "pdf/uber_2021.pdf",
    "pdf/federal_register_3col.pdf",
    "pdf/nics_background_checks_table.pdf",
    "pdf/prefilled_f1040_form.pdf",
    "pdf/scotus_transcript_p1.pdf",
    "pdf/tracemonkey.pdf",
    "pdf/warn_report_table.pdf",
    "csv/country-codes.csv",
    "csv/recent-grads.csv",
    "docx/handbook-872p.docx",
    "docx/rich_tables.docx",
    "docx/word_sample.docx",
    "html/news_guardian.html",
    "html/steel_datasheet_utf16.html",
    "html/wiki_duck.html",
    "md/about_Functions_Advanced_Parameters.md",
    "md/about_Regular_Expressions.md",
    "other/sample.pptx",
    "other/stanley-cups.xlsx",
    "txt/norwich-city.txt",
)


@dataclass(frozen=True)
class Question:
    """
    A question of one half.

    `values`: what a right answer holds, each in one of several spellings; empty where the
    documents do not answer.
    """

    id: str
    kind: str
    question: str
    values: Sequence[Sequence[str]] = ()
    file: str = ""


@dataclass(frozen=True)
class Answered:
    """A question with its answer."""

    question: Question
    answer: Answer

    @property
    def refused(self) -> bool:
        return self.answer.kind == "not_found"

    @property
    def right(self) -> bool:
        """Whether every value stands in the answer."""
        text = _bare(self.answer.text)
        return not self.refused and all(
            any(_bare(spelling) in text for spelling in value) for value in self.question.values
        )

    @property
    def findable(self) -> bool:
        """Whether a passage that was found holds the value."""
        texts = [_bare(hit.text) for hit in self.answer.passages]
        return all(
            any(_bare(spelling) in text for spelling in value for text in texts)
            for value in self.question.values
        )


def questions(half: str) -> list[Question]:
    """The questions of a half, first those that the documents answer."""
    answered = json.loads((OWN / f"questions_{half}.json").read_text(encoding="utf-8"))
    others = json.loads((OWN / f"unanswerable_{half}.json").read_text(encoding="utf-8"))
    return [
        *(Question(**row) for row in answered),
        *(Question(kind="unanswerable", **row) for row in others),
    ]


def ask(services: Services, half: str) -> Iterator[Answered]:
    """The answers to the questions of a half. The documents are there already."""
    handle = services.replica.current()
    for question in questions(half):
        answer = services.answerer.ask(question.question, handle=handle, collections=[COLLECTION])
        yield Answered(question, answer)


def ingest(services: Services) -> None:
    """Index the documents; those that are there already cost nothing."""
    ingester = Ingester(
        services.pool, services.replica.current, Converter(), services.settings.chunk_chars
    )
    own = (path for path in sorted(OWN.iterdir()) if path.suffix != ".json")
    paths = [*(ZOO / name for name in FROM_ZOO), *own]
    for outcome in ingester.ingest_many(
        [Incoming.from_path(path, collection=COLLECTION) for path in paths]
    ):
        assert outcome.status != "failed", outcome


def rows(home: Path | None = None) -> list[dict[str, Any]]:
    """
    The rows; none where the data is absent.

    :param home: Keeps the index for the next run; None: a temporary folder.
    """
    if not ZOO.is_dir():
        return []
    with (
        tempfile.TemporaryDirectory(prefix="attune-") as passing,
        _services(home or Path(passing)) as services,
    ):
        ingest(services)
        found = {half: list(ask(services, half)) for half in HALVES}
        biomedical = list(citations.ask(services, "val", citations.QUESTIONS))
    before = json.loads((OWN / "before.json").read_text(encoding="utf-8"))
    made = [row for half, answered in found.items() for row in _of_half(half, answered)]
    made += _biomedical(biomedical)
    for row in made:
        if row["name"] in before:
            row["how"] += f"; before: {before[row['name']]:g}"
    return made


def _of_half(half: str, answered: Sequence[Answered]) -> list[dict[str, Any]]:
    possible = [one for one in answered if one.question.values]
    impossible = [one for one in answered if not one.question.values]
    lengths = [len(one.answer.text) for one in possible if not one.refused]
    how = "written before the rules" if half == "a" else "written after the rules were frozen"

    def row(name: str, value: float, goal: float | None, better: str, count: int, unit: str) -> dict[str, Any]:  # fmt: skip
        return {
            "name": f"answers {half}: {name}",
            "value": round(value, 3),
            "unit": unit,
            "goal": goal,
            "better": better,
            "how": f"{count} questions, {how}",
        }

    def share(name: str, of: Sequence[bool], goal: float | None, better: str = "higher") -> dict[str, Any]:  # fmt: skip
        return row(name, sum(of) / len(of), goal, better, len(of), "share")

    return [
        share("the value stands in the answer", [one.right for one in possible], 0.75),
        share("a found passage holds the value", [one.findable for one in possible], None),
        row("median length", statistics.median(lengths), 400, "lower", len(lengths), "characters"),
        share("refused although answered", [one.refused for one in possible], 0.03, "lower"),
        share("refused rightly", [one.refused for one in impossible], 0.9),
    ]


def _biomedical(asked: Sequence[citations.Asked]) -> list[dict[str, Any]]:
    wanted = {
        "the same, where a passage holds it": ("a mark holds the expert's words", 0.75),
        "marks that hold the expert's answer": ("marks that hold the expert's words", 0.5),
    }
    made = []
    for row in citations.figures(asked, "covid_qa val"):
        name, goal = wanted.get(row["name"].removeprefix("citations: "), (None, None))
        if name is not None:
            made.append(row | {"name": f"answers covid_qa: {name}", "goal": goal})
    return made


def _bare(text: str) -> str:
    """Without case, white space and marks of emphasis, in which the formats differ."""
    return "".join(text.replace("*", "").split()).casefold()


def _services(home: Path) -> Any:
    # Extracts, whatever the environment says; these two fields go by their variables' names.
    return open_services(Settings(home=home, llm="", OPENAI_API_KEY="", OPENAI_BASE_URL=""))


if __name__ == "__main__":
    with _services(Path(sys.argv[2])) as opened:
        ingest(opened)
        for one in ask(opened, sys.argv[1]):
            sign = "refused" if one.refused else "right" if one.right else "WRONG"
            seen = "" if one.findable else ", not found"
            print(f"\n{one.question.id} {one.question.kind}: {sign}{seen}: {one.question.question}")
            print(f"    {one.answer.kind}: {one.answer.text}")
