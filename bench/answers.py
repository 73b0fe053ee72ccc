"""
Answers without a language model: does the value that was asked for stand in what is shown?

Questions over two 10-Ks, files of the zoo and small documents written for this bench (a manual,
a product page, accident reports, minutes, in English and German), each with the value that a right
answer holds, and questions that none of the documents answers. Half `a` was written before the
rules of the extracts and served to choose them, half `b` after they were frozen.

Halves `c` and `d` are over small documents of other kinds and formats (price lists, forms, policies,
recipes, a report, help pages, code), with follow-ups, typos and comparisons, and with questions that
nearly have an answer: another year, another thing, a fact that is not told. They were written
together. `c` was looked at while the answers were mended. `d` was scored at the end, and one refusal
of it was looked at later.

Halves `e` and `f` are questions as ordinary people put them, in English, German, French and Spanish,
over manuals, contracts, price lists, minutes, a CV, invoices, recipes and policies. They were written
together before the answers were mended again. `e` and then `f` were looked at. `g`, over the same
documents, was written before `f` was looked at. Its first score is in docs/results.md.

Half `h` asks of twelve documents of a working day in other formats: a school letter, a soil report, a
hotel's house rules, release notes, a club's rules, a bus timetable, a product comparison, an insurance
policy, a seminar's programme, a recipe, a warranty card and a wage slip. Its documents and questions
were written before anybody who wrote them had read the rules. It was looked at after its first score.

Half `i` asks of eleven documents of households and small offices, in words that are not the documents':
minutes, prices of a vet, a car's service book, an annual report, help for a printer, a timetable, a
rental contract, a library's rules, mails, a workbook and a job advertisement. It was written as `h`
was, and looked at after its first score: 20 of 60 values, 16 wrong and 6 of 15 right refusals.

Halves `j` (a village's documents), `k` (those of shops, clubs and employers) and `l` (a lease, an
insurance, a handbook, a course, a print shop) were written in the same way. They were looked at after
their first scores of 21 of 45, 26 of 45 and 18 of 50. Hardly a word of `l`'s questions is the documents'.

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

from app.actions.ingest import open_ingester
from app.services import Services, open_services
from app.settings import Settings
from bench import citations
from pipelines.answering.events import Answer, Turn
from pipelines.indexing.incoming import Incoming

OWN = Path(__file__).with_name("data") / "answers"
STRANGERS = OWN.with_name("strangers")
EVERYDAY = OWN.with_name("everyday")
WORKADAY = OWN.with_name("workaday")
HOMELIFE = OWN.with_name("homelife")
VILLAGE = OWN.with_name("villagelife")
NEWCOMERS = OWN.with_name("newcomers")
OFFICES = OWN.with_name("offices")
SHARED = Path(__file__).resolve().parents[2] / "shared"
ZOO, CASES = SHARED / "data" / "zoo", SHARED / "cases"
# Where the questions and documents of each half are. The folder's name is their collection.
HALVES = {
    "a": OWN,
    "b": OWN,
    "c": STRANGERS,
    "d": STRANGERS,
    "e": EVERYDAY,
    "f": EVERYDAY,
    "g": EVERYDAY,
    "h": WORKADAY,
    "i": HOMELIFE,
    "j": VILLAGE,
    "k": NEWCOMERS,
    "l": OFFICES,
}
HOW = {
    "a": "written before the rules",
    "b": "written after the rules were frozen",
    "c": "looked at while the answers were mended",
    "d": "scored at the end, one answer looked at later",
    "e": "looked at while the answers were mended",
    "f": "looked at later while the answers were mended",
    "g": "written before f was looked at",
    "h": "looked at after its first score",
    "i": "looked at after its first score of 0.333",
    "j": "looked at after its first score of 0.467",
    "k": "looked at after its first score of 0.578",
    "l": "looked at after its first score of 0.36",
}
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
# Further documents of `e`, `f` and `g`.
EVERYDAY_TOO = (
    CASES / "10b_docx_vmerge/in/regional_sales.docx",
    CASES / "22_docx_local_headings/in/handbuch.docx",
    CASES / "42_md_obsidian/in/boiler.md",
    CASES / "04_xlsx_wrong_dimension/in/clinics.xlsx",
    CASES / "51_docx_nested_table/in/sensor_form.docx",
    CASES / "20_version_strings/in/releases.md",
    ZOO / "html/wiki_duck.html",
    ZOO / "txt/norwich-city.txt",
)


@dataclass(frozen=True)
class Question:
    """
    A question of one half.

    `values`: what a right answer holds, each in one of several spellings; empty where the
    documents do not answer. `before`: the questions that were asked before it.
    """

    id: str
    kind: str
    question: str
    values: Sequence[Sequence[str]] = ()
    file: str = ""
    before: Sequence[str] = ()


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
    folder = HALVES[half]
    answered = json.loads((folder / f"questions_{half}.json").read_text(encoding="utf-8"))
    others = json.loads((folder / f"unanswerable_{half}.json").read_text(encoding="utf-8"))
    return [
        *(Question(**row) for row in answered),
        *(Question(**{"kind": "unanswerable"} | row) for row in others),
    ]


def ask(services: Services, half: str) -> Iterator[Answered]:
    """The answers to the questions of a half. The documents are there already."""
    handle = services.replica.current()
    collections = [HALVES[half].name]
    for question in questions(half):
        turns: list[Turn] = []
        for text in (*question.before, question.question):
            answer = services.answerer.ask(text, turns, handle=handle, collections=collections)
            turns += _turns(text, answer)
        yield Answered(question, answer)


def _ask_others(services: Services) -> Iterator[bool]:
    """Ask the questions of each folder of all other folders. Yields whether each was refused."""
    handle = services.replica.current()
    for half, own in HALVES.items():
        alone = [q.question for q in questions(half) if q.values and not q.before]
        for folder in dict.fromkeys(HALVES.values()):
            for text in alone if folder != own else ():
                answer = services.answerer.ask(text, handle=handle, collections=[folder.name])
                yield answer.kind == "not_found"


def _refused_by_others(refused: Sequence[bool]) -> dict[str, Any]:
    return {
        "name": "answers: refused by documents that others answer",
        "value": round(sum(refused) / len(refused), 3),
        "unit": "share",
        "goal": 0.9,
        "better": "higher",
        "how": f"{len(refused)} questions of each half, asked of the documents of the other folders;"
        " some have an answer there, too",
    }


def _turns(text: str, answer: Answer) -> tuple[Turn, Turn]:
    """A question and its answer, as the chat keeps them."""
    cited = dict.fromkeys(citation.document_id for citation in answer.citations)
    shown = tuple(hit.chunk_id for hit in answer.passages)
    said = Turn("assistant", answer.text, answer.remarks.searched, shown, tuple(cited))
    return Turn("user", text), said


def ingest(services: Services) -> None:
    """Index the documents as `attune ingest` does. Those already indexed cost nothing."""
    zoo = [Incoming.from_path(ZOO / name, collection=OWN.name) for name in FROM_ZOO]
    too = [Incoming.from_path(path, collection=EVERYDAY.name) for path in EVERYDAY_TOO]
    own = [
        Incoming.from_path(path, collection=folder.name)
        for folder in (OWN, STRANGERS, EVERYDAY, WORKADAY, HOMELIFE, VILLAGE, NEWCOMERS, OFFICES)
        for path in sorted(folder.iterdir())
        if path.suffix != ".json"
    ]
    with open_ingester(services) as ingester:
        for outcome in ingester.ingest_many([*zoo, *too, *own]):
            assert outcome.status != "failed", outcome
    services.replica.reload()  # it has an accelerated twin now


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
        strange = list(_ask_others(services))
        biomedical = list(citations.ask(services, "val", citations.QUESTIONS))
    before = json.loads((OWN / "before.json").read_text(encoding="utf-8"))
    made = [row for half, answered in found.items() for row in _of_half(half, answered)]
    made.append(_refused_by_others(strange))
    made += _times([one for answered in found.values() for one in answered])
    made += _biomedical(biomedical)
    for row in made:
        if row["name"] in before:
            row["how"] += f"; before: {before[row['name']]:g}"
    return made


def _of_half(half: str, answered: Sequence[Answered]) -> list[dict[str, Any]]:
    possible = [one for one in answered if one.question.values]
    impossible = [one for one in answered if not one.question.values]
    lengths = [len(one.answer.text) for one in possible if not one.refused]

    def row(name: str, value: float, goal: float | None, better: str, count: int, unit: str) -> dict[str, Any]:  # fmt: skip
        return {
            "name": f"answers {half}: {name}",
            "value": round(value, 3),
            "unit": unit,
            "goal": goal,
            "better": better,
            "how": f"{count} questions, {HOW[half]}",
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


def _times(answered: Sequence[Answered]) -> list[dict[str, Any]]:
    """What a question costs that extracts answer, alone and as a multiple of its search."""
    spent = [one.answer.timings_ms for one in answered if one.answer.kind == "extracts"]
    total = statistics.median(ms["total"] for ms in spent)
    search = statistics.median(ms["embed"] + ms["sql"] for ms in spent)
    how = f"{len(spent)} questions of all halves, one after the other; search alone {search:.0f} ms"
    return [
        {
            "name": f"answers: {name}",
            "value": round(value, 2),
            "unit": unit,
            "goal": None,
            "better": "lower",
            "how": how,
        }
        for name, value, unit in (
            ("p50 of a question by extracts", total, "ms"),
            ("the same over its search", total / search, "x"),
        )
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
            asked = " / ".join((*one.question.before, one.question.question))
            print(f"\n{one.question.id} {one.question.kind}: {sign}{seen}: {asked}")
            if one.answer.remarks.searched:
                print(f"    searched: {one.answer.remarks.searched}")
            print(f"    {one.answer.kind}: {one.answer.text}")
