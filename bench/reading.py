"""
What is read of each kind of file: is a figure in the text, in its order, cited at its page or under
its heading, and found by a natural question?

`python -m bench.run --only reading` makes one small file of each format, adds them all to one empty
library, asks, and writes docs/reading.md. `python -m bench.reading` does the same without asking:
it needs no model and no database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.services import Services
from bench import reading_peers
from bench.reading_files import LATER, NOTE, ROW, SAMPLES, SECTION, Content, Sample
from bench.scratch import scratch
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import Converted
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.ingest import Ingester
from pipelines.indexing.readers.ocr.engine import engine_name
from pipelines.indexing.split import split

PAGE = Path(__file__).resolve().parents[1] / "docs/reading.md"
START, END = "<!-- reading -->", "<!-- /reading -->"
KINDS = (
    "sentence",
    "list item",
    "table row",
    "note or comment",
    "under a heading",
    "last sentence",
)
TOP = 5
HALLS = [
    "Kestrel",
    "Heron",
    "Curlew",
    "Plover",
    "Siskin",
    "Avocet",
    "Bittern",
    "Dunlin",
    "Garganey",
    "Hoopoe",
    "Jackdaw",
    "Kittiwake",
    "Linnet",
    "Merlin",
    "Nightjar",
    "Osprey",
    "Pochard",
    "Quail",
    "Redshank",
    "Smew",
    "Teal",
    "Turnstone",
    "Wagtail",
    "Wryneck",
    "Yaffle",
    "Brambling",
    "Fieldfare",
    "Gadwall",
]


@dataclass(frozen=True)
class Checked:
    """
    One statement of one file.

    :param is_found: Its figure is in the best passages for its question. None if nobody asked.
    :param is_answered: Its figure stands in the answer, too.
    """

    in_text: bool
    in_order: bool
    in_place: bool
    is_found: bool | None = None
    is_answered: bool = False

    @property
    def shown(self) -> str:
        """*yes*, or what is missing."""
        missing = [
            name
            for name, is_met in (
                ("text", self.in_text),
                ("order", self.in_order),
                ("place", self.in_place),
                ("found", self.is_found is not False),
            )
            if not is_met
        ]
        return f"no: {', '.join(missing)}" if missing else "yes"


def contents() -> list[tuple[Sample, Content]]:
    """Each format with what its file says."""
    return [
        (sample, Content(hall, 1100 + 137 * number))
        for number, (sample, hall) in enumerate(zip(SAMPLES, HALLS, strict=True))
    ]


def read() -> dict[str, dict[str, Checked]]:
    """Every statement of every file as it is read, by format and kind."""
    with Converter() as converter:
        return {
            sample.name: checked(sample, content, _converted(converter, sample, content))
            for sample, content in contents()
        }


def _converted(converter: Converter, sample: Sample, content: Content) -> Converted:
    return converter.convert(sample.make(content), _name(sample, content))


def _name(sample: Sample, content: Content) -> str:
    return f"{content.hall}{sample.ending}"


def asked(
    services: Services, results: dict[str, dict[str, Checked]]
) -> dict[str, dict[str, Checked]]:
    """The same with what a question finds, all files in one library."""
    with Converter() as converter:
        ingester = Ingester(
            services.pool, services.replica.current, converter, services.settings.chunk_chars
        )
        files = {_name(*one): one[0].make(one[1]) for one in contents()}
        loads = [Incoming(name, name, lambda data=data: data) for name, data in files.items()]
        for outcome in ingester.ingest_many(loads):
            assert outcome.status == "indexed", outcome
    handle = services.replica.current()
    found: dict[str, dict[str, Checked]] = {}
    for sample, content in contents():
        found[sample.name] = {}
        for kind, one in results[sample.name].items():
            question = content.questions()[kind]
            answer = services.answerer.ask(question, handle=handle, collections=["default"])
            value = content.values[kind]
            found[sample.name][kind] = replace(
                one,
                is_found=any(value in hit.text for hit in answer.passages[:TOP]),
                is_answered=value in answer.text,
            )
    return found


def checked(sample: Sample, content: Content, converted: Converted) -> dict[str, Checked]:
    """Every statement of a file, by its kind."""
    # Notes stand where they are anchored, or at the end, and rows where a sheet of them is.
    others = [content.values[one] for one in sample.kinds if one not in (NOTE, ROW)]
    places = [converted.text.find(one) for one in others]
    return {
        kind: Checked(
            content.values[kind] in converted.text,
            places == sorted(places),
            _in_place(sample, content, kind, converted),
        )
        for kind in sample.kinds
    }


def _in_place(sample: Sample, content: Content, kind: str, converted: Converted) -> bool:
    """Whether the passage with a figure is cited at its page, or under its heading."""
    value = content.values[kind]
    place = converted.text.find(value)
    draft = next((d for d in split(converted, 1200) if d.char_start <= place < d.char_end), None)
    if draft is None:
        return False
    part = [p for p in draft.places if draft.char_start + p.start <= place][-1]
    if kind == LATER and converted.pages:
        return part.page == 2
    if kind == SECTION and sample.name != "PDF, scanned":
        return content.hall.lower() in (part.heading or "").lower().replace("_", " ")
    return True


def table(results: dict[str, dict[str, Checked]]) -> str:
    """The results as a Markdown table."""
    lines = [f"| format | {' | '.join(KINDS)} |", f"|{'---|' * (len(KINDS) + 1)}"]
    for name, kinds in results.items():
        cells = (kinds[kind].shown if kind in kinds else "" for kind in KINDS)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write(results: dict[str, dict[str, Checked]]) -> None:
    """Put the table on the page, with what *yes* means in it."""
    every = [one for kinds in results.values() for one in kinds.values()]
    was_asked = all(one.is_found is not None for one in every)
    more = f", and in the {TOP} best passages for a natural question" if was_asked else ""
    told = (
        "*yes* means that the figure is in the text, in the order of the file, cited at its page or"
        f" under its heading{more}. Otherwise the cell says what is missing. The last"
        " sentence stands on page 2 where a format has pages. An empty cell is something that the"
        " file of this format does not say."
    )
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{START}\n{told}\n\n{table(results)}\n{END}{after}", encoding="utf-8")


def beside_peers(python: Path) -> None:
    """Compare with other readers, and put that on the page."""
    files = contents()
    with Converter() as converter:
        own = {sample.name: _converted(converter, sample, one).text for sample, one in files}
    mine = reading_peers.score("Attune", files, own)
    reading_peers.write(PAGE, [mine, *reading_peers.scores(python, files)])


def rows(peers: Path | None = None) -> list[dict[str, Any]]:
    """
    The totals. Without text recognition the files that need it cannot be read: no rows then.

    :param peers: A Python with other readers to compare with.
    """
    if engine_name() is None:
        return []
    if peers is not None:
        beside_peers(peers)
    with scratch() as services:
        results = asked(services, read())
    write(results)
    every = [one for kinds in results.values() for one in kinds.values()]
    how = f"{len(results)} formats, {len(every)} figures, one small file each in one library"
    shares = (
        ("in the text and in order", [one.in_text and one.in_order for one in every]),
        ("cited at its page or heading", [one.in_place for one in every]),
        (f"in the {TOP} best passages for its question", [bool(one.is_found) for one in every]),
    )
    made = [
        {
            "name": f"figures {name}",
            "value": sum(met) / len(met),
            "unit": "",
            "goal": 1.0,
            "better": "higher",
            "how": how,
        }
        for name, met in shares
    ]
    answered = sum(one.is_answered for one in every) / len(every)
    last = {"name": "figures in the answer without a language model", "value": answered}
    return [*made, {**last, "unit": "", "goal": None, "better": "higher", "how": how}]


if __name__ == "__main__":
    write(read())
