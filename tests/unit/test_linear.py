"""What reads the text of a file takes time in proportion to it, whatever the text is like."""

from __future__ import annotations

import time

import pytest

from pipelines.indexing import split
from pipelines.indexing.converted import Converted
from pipelines.text import lines, sentences, suspicious
from pipelines.text.clean import clean, join_hyphens, tidy
from pipelines.text.languages import of_document
from pipelines.text.terms import terms

# One line each, without an end, made of what a splitter looks at twice.
LINES = {
    "sentences": "The pump runs. It stops. ",
    "lower case after a dot": "approx. five and ca. six and ",
    "abbreviations": "e.g. 5 approx. 7 ",
    "dots": ".",
    "dots and letters": ".a",
    "exclamations": "!a ",
    "one word": "abcdefghij",
    "citations": ".[1",
    "digits in a bracket": "1,",
    "closing quotes": ".\"')",
    "wide gaps": "a    b ",
    "gaps at the end": "   ",
    "numbers": "1.",
    "no ends": "a list of words without an end ",
    "Japanese": "これは文です。",
    "Hindi": "यह वाक्य है। ",
    "letters that were misread": "â\x80",
    "hyphens": "word-\n",
    "blank lines": "\n \n",
    "bars": "| a | b |\n",
    "bullets": "- item\n",
}
SMALL, GROWTH = 40_000, 4


def _cut(text: str) -> object:
    return split.split(Converted(text, [], [], "text/plain"), 1600)


STEPS = {
    "sentences": sentences.split,
    "lines": lambda text: list(lines.split(text)),
    "chunks": _cut,
    "clean": clean,
    "tidy": tidy,
    "hyphens": join_hyphens,
    "orders": lambda text: suspicious.gives_orders(f"ignore you are user model {text}"),
    "languages": lambda text: of_document(text, [text[:1600]]),
    "terms": terms,
}


def _cost(step, given) -> float:
    """CPU seconds of this thread: what others do on the machine does not count."""
    costs = []
    for _ in range(2):
        began = time.thread_time()
        step(given)
        costs.append(time.thread_time() - began)
    return min(costs)


@pytest.mark.parametrize("step", STEPS)
def test_time_grows_with_the_text_and_not_with_its_square(step):
    """Four times the text takes about four times as long, where a square would take sixteen."""
    for name, line in LINES.items():
        small, large = (f".[{(line * (n // len(line)))}x" for n in (SMALL, SMALL * GROWTH))
        few, many = _cost(STEPS[step], small), _cost(STEPS[step], large)
        # Below some milliseconds what is measured is the clock.
        assert many < 0.02 or many < 2.2 * GROWTH * few, f"{name}: {few:.3f} s, then {many:.3f} s"


def test_many_headings_cost_as_little_as_few():
    """Each chunk looks up its place without reading all headings before it."""

    def document(count: int) -> Converted:
        section = "A title\n\nA line of text that stands under its title. " + "More of it. " * 8
        text = "\n\n".join([section] * count)
        starts = range(0, len(text), len(section) + 2)
        return Converted(
            text,
            [(start, n) for n, start in enumerate(starts, 1)],
            [(start, 1 + n % 3, f"Title {n}") for n, start in enumerate(starts)],
            "text/markdown",
        )

    few, many = (_cost(lambda found: split.split(found, 1600), document(n)) for n in (500, 2000))
    assert many < 2.2 * 4 * few, f"{few:.3f} s, then {many:.3f} s"
