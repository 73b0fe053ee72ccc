"""
Citations against known answers: does the marked span contain what experts marked in the article?

Questions and answer spans are those of COVID-QA, whose articles are ingested as files. Two kinds of
marks are measured: extracts, and the alignment of an LLM's sentence. The LLM's sentence is
simulated by the expert's words with every third word left out. It cites a passage that contains
them, and then a passage that does not.

`python -m bench.citations train` prints the figures that constants were chosen by. The rows are of
the other articles.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.services import Services, open_services
from app.settings import Settings
from pipelines.answering import cite
from pipelines.answering.events import Answer
from pipelines.indexing.convert import Converter
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "qa" / "covid_qa"
QUESTIONS = 150


@dataclass(frozen=True)
class Asked:
    """One question: its answer, the experts' marks, and the checks of alignment."""

    answer: Answer
    gold: Sequence[str]
    right: bool | None
    wrong: bool | None

    @property
    def answered(self) -> bool:
        """Whether the answer is anything but "not found"."""
        return self.answer.kind != "not_found"

    @property
    def marks(self) -> list[bool]:
        """For each mark of the answer, whether it touches what experts marked."""
        return [
            any(touches(c.text, c.highlight, gold) for gold in self.gold)
            for c in self.answer.citations
            if c.highlight
        ]

    @property
    def findable(self) -> bool:
        """Whether a passage behind the answer contains the expert's words."""
        return any(bare(g) in bare(hit.text) for g in self.gold for hit in self.answer.passages)


def bare(text: str) -> str:
    """The text without white space and case, so that conversion makes no difference."""
    return "".join(text.split()).casefold()


def touches(passage: str, mark: str, gold: str) -> bool:
    """Whether the mark and the expert's words overlap in the passage."""
    whole, left, right = bare(passage), bare(mark), bare(gold)
    if left in right or right in left:
        return True
    at, gold_at = whole.find(left), whole.find(right)
    return gold_at >= 0 and at < gold_at + len(right) and gold_at < at + len(left)


def ask(services: Services, split: str, count: int) -> Iterator[Asked]:
    """Ask questions of one half of the articles, ingesting missing articles first."""
    ingester = Ingester(
        services.pool, services.replica.current, Converter(), services.settings.chunk_chars
    )
    files = [
        Incoming.from_path(path, collection=split)
        for path in sorted((DATA / "docs" / split).glob("*.txt"))
    ]
    for outcome in ingester.ingest_many(files):
        assert outcome.status != "failed", outcome
    spans = json.loads((DATA / "spans.json").read_text(encoding="utf-8"))
    chosen = [row for _, row in sorted(spans.items()) if row["split"] == split]
    random.Random(0).shuffle(chosen)
    handle = services.replica.current()
    for row in chosen[:count]:
        answer = services.answerer.ask(row["question"], handle=handle, collections=[split])
        gold = [evidence["text"] for evidence in row["evidence"]]
        yield Asked(answer, gold, *aligned(answer, gold[0]))


def aligned(answer: Answer, gold: str) -> tuple[bool | None, bool | None]:
    """
    Check the alignment of an expert's words with every third word left out.

    :returns: Whether the mark in a passage with these words touches them (None: nothing marked, or
        no such passage), and whether anything was marked in a passage without them.
    """
    words = gold.split()
    claim = " ".join(word for n, word in enumerate(words) if n % 3 != 2 or len(words) < 4)
    aligner = cite.Aligner([(hit.text, hit.language) for hit in answer.passages])
    right: bool | None = None
    wrong: bool | None = None
    for number, hit in enumerate(answer.passages, start=1):
        span = aligner.spans(f"{claim.rstrip('.')} [{number}].").get(number)
        if bare(gold) in bare(hit.text):
            if right is None and span is not None:
                right = touches(hit.text, hit.text[slice(*span)], gold)
        elif wrong is None:
            wrong = span is not None
    return right, wrong


def measure(services: Services, split: str, count: int = QUESTIONS) -> list[dict[str, Any]]:
    """The rows for one half of the articles."""
    how = f"covid_qa {split}, {count} questions, top {services.settings.top_k} passages"
    return figures(list(ask(services, split, count)), how)


def figures(asked: Sequence[Asked], how: str) -> list[dict[str, Any]]:
    """The rows of answered questions."""
    marks = [mark for one in asked for mark in one.marks]
    findable = [one for one in asked if one.findable]
    right = [one.right for one in asked if one.right is not None]
    wrong = [one.wrong for one in asked if one.wrong is not None]

    def row(name: str, values: Sequence[object], goal: float | None, better: str = "higher") -> dict[str, Any]:  # fmt: skip
        share = sum(map(bool, values)) / len(values) if values else 0.0
        return {
            "name": f"citations: {name}",
            "value": round(share, 3),
            "unit": "share",
            "goal": goal,
            "better": better,
            "how": f"{how}; of {len(values)}",
        }

    return [
        row("questions answered", [one.answered for one in asked], None),
        row("answers with a mark", [one.marks for one in asked if one.answered], 0.99),
        row("questions where a mark holds the expert's answer", [any(o.marks) for o in asked], 0.5),
        row("the same, where a passage holds it", [any(o.marks) for o in findable], 0.65),
        row("marks that hold the expert's answer", marks, None),
        row("aligned marks that hold the claim", right, 0.95),
        row("claims marked in a passage without them", wrong, 0.1, "lower"),
    ]


def rows() -> list[dict[str, Any]]:
    """Figures on articles that no constant was chosen by. No rows without the data."""
    if not DATA.is_dir():
        return []
    with tempfile.TemporaryDirectory(prefix="attune-") as home, _services(Path(home)) as services:
        return measure(services, "val")


def _services(home: Path) -> Any:
    # Extracts, whatever the environment says. These two fields are set by their variables' names.
    settings = Settings(home=home, llm="", OPENAI_API_KEY="", OPENAI_BASE_URL="")
    return open_services(settings)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="attune-") as folder, _services(Path(folder)) as opened:
        for line in measure(opened, *sys.argv[1:2], count=300):
            print(f"{line['value']:.3f}  {line['name']}  ({line['how']})")
