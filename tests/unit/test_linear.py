"""What reads the text of a file takes time in proportion to it, whatever the text is like."""

from __future__ import annotations

import gc
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
    gc.disable()  # it looks through what other tests have left as well
    try:
        for _ in range(2):
            began = time.thread_time()
            step(given)
            costs.append(time.thread_time() - began)
    finally:
        gc.enable()
    return min(costs)


def _assert_even(step, few, many, what="") -> None:
    """Several times as much costs that much more. What disturbs one measurement is not in all."""
    for _ in range(4):
        short, long = _cost(step, few), _cost(step, many)
        # Below some milliseconds what is measured is the clock.
        if long < 0.02 or long < 2.2 * GROWTH * short:
            return
    raise AssertionError(f"{what}: {short:.3f} s, then {long:.3f} s")


@pytest.mark.parametrize("step", STEPS)
def test_time_grows_with_the_text_and_not_with_its_square(step):
    """Four times the text takes about four times as long, where a square would take sixteen."""
    for name, line in LINES.items():
        small, large = (f".[{(line * (n // len(line)))}x" for n in (SMALL, SMALL * GROWTH))
        _assert_even(STEPS[step], small, large, name)


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

    few, many = (document(n) for n in (500, 500 * GROWTH))
    _assert_even(lambda found: split.split(found, 1600), few, many)
