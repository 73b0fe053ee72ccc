"""
What a line of a document is: a row, a field, an item of a list, a heading or text. Pure.

A passage is plain text in which tables, forms and lists are lines.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from itertools import groupby
from typing import Literal

from pipelines.text import sentences

Span = tuple[int, int]
LineKind = Literal["row", "labelled", "item", "field", "figures", "text"]

# An isolated line up to here, with text below it, is a heading in a file that marks none.
LONGEST_HEADING = 80
LONGEST_FIGURES = 200
# Lines of a list without marks.
FEWEST_UNMARKED, LONGEST_UNMARKED_LINE = 4, 50
# Words of a row's name. A longer line with a stop at its end is a sentence, whatever its figures.
MOST_NAME = 5

YEAR = re.compile(r"(?<![\d.,])(?:19|20)\d\d(?![\d.,]*\d)")
ITEM = re.compile(r"(?:[-*•‣▪●○·–—]\s+|\(?(\d{1,3}|[a-z]|[ivx]{1,4})[.)]\s+)(?=\S)")
STEP = re.compile(rf"{sentences.STEP}[.:)]\s+(?=\S)")
_NAME = r"(?:\*\*)?[^\W_a-zäöü][^:;|\n.?!]{0,58}?(?:\*\*)?"
FIELD = re.compile(rf"(?:[-*•]\s+)?(?P<name>{_NAME})\s?:(?:\*\*)?\s+(?P<value>\S.*)", re.DOTALL)
_BARS = re.compile(r"(?<!\\)\|")
_LABELLED = re.compile(r"(?:^|;\s+)([^:;\n]{1,60}):\s+(?=\S)")
# A row begins with a name and its value, or with what it is about: "Power; Model A: 5 W".
_ROW_START = re.compile(r"(?:[^:;.\n]{1,60};\s+)?[^:;\n]{1,60}:\s+(?=\S)")
# A row of two cells, whose first column has no name: "North; Tickets: 412".
_SHORT_ROW = re.compile(r"[^:;.\n]{1,40};\s+[^:;.\n]{1,40}:\s+[^:;\n]{1,40}(?<![.!?])")
# A figure of a row, or a sign that stands apart from one.
_FIGURE = re.compile(r"[$€£]?\(?-?\d[\d,.]*\)?%?\)?|—")
_NAME_AND_FIGURE = re.compile(r"[^\W\d_](?:\S| (?! ))*(?: {3,}|\t+)[-+]?[$€£]? ?\d(?:\S| (?! ))*")
_BEFORE, _AFTER = frozenset("$€£"), frozenset(["%", ")", ")%", "%)"])
_CLAUSE = re.compile(
    r"(?:§{1,2} ?|Art(?:icle|ikel|\.)? |Clause |Section |Abschnitt )?\d{1,3}[a-z]?(?:\.\d{1,2})*[.)]?"
    r"(?: ?[:–-])? +[^\W\d_a-zäöü][^.!?;:\n]{1,60}"
)
_HEADING = re.compile(r"[^\W\d_][^|:;.!?。！\d\n]{0,79}")


def kind(line: str) -> LineKind:
    """What a line looks like."""
    if STEP.match(line):
        return "item"
    if line.count("|") and (line.startswith("|") or " | " in line):
        return "row"
    if "; " in line and len(_LABELLED.findall(line)) > 1 and _ROW_START.match(line):
        return "labelled"
    if _SHORT_ROW.fullmatch(line):
        return "labelled"
    if ITEM.match(line) and not is_field(line):
        return "item"
    if is_field(line):
        return "field"
    is_short = len(line) <= LONGEST_FIGURES and "\n" not in line
    if is_short and (len(figures(line)[1]) > 1 or is_aligned(line)):
        return "figures"
    return "text"


def is_aligned(line: str) -> bool:
    """Whether a line is set in columns by spaces: three cells, or a name and a figure far from it."""
    found = columns(line)
    if any(cell.endswith((".", "!", "?")) and len(cell.split()) > 2 for cell in found):
        return False  # sentences, with two spaces between them
    return len(found) > 2 or bool(_NAME_AND_FIGURE.fullmatch(line))


def is_field(line: str) -> bool:
    """Whether a line is a name and its value, like "Age: 60"."""
    match = FIELD.fullmatch(line)
    return match is not None and len(match["name"].split()) <= 6 and "\n" not in line


def figures(line: str) -> tuple[str, list[str]]:
    """
    The name of a row like "Net loss $ (1,009,359) $ (1,752,857)" and its figures.

    A line of another kind has neither.
    """
    words = line.split()
    start = len(words)
    while start and (words[start - 1] in _BEFORE | _AFTER or _FIGURE.fullmatch(words[start - 1])):
        start -= 1
    name = " ".join(words[:start])
    if not any(char.isalpha() for char in name) or (start > MOST_NAME and line.endswith(".")):
        return "", []
    found: list[str] = []
    is_open = False
    for word in words[start:]:
        if found and (is_open or word in _AFTER):
            found[-1] += f" {word}" if is_open else word
        else:
            found.append(word)
        is_open = word in _BEFORE
    return name, found


def fields(line: str) -> tuple[tuple[str, str], ...]:
    """
    The names and values of a line: pairs such as "Team: Blues", separated by semicolons.

    What stands before the first name has none.
    """
    starts = list(_LABELLED.finditer(line))
    ends = [match.start() for match in starts[1:]] + [len(line)]
    about = line[: starts[0].start()].strip(" ;") if starts else ""
    return (("", about),) * bool(about) + tuple(
        (match[1].strip(), line[match.end() : end].strip().rstrip(";"))
        for match, end in zip(starts, ends, strict=True)
    )


def cells(row: str) -> list[str]:
    """The cells of a row between bars."""
    return [cell.strip() for cell in _BARS.split(row.strip().strip("|"))]


def head_years(line: str) -> list[str]:
    """The years of a line that holds hardly anything else."""
    found = YEAR.findall(line)
    rest = re.sub(r"[\W\d_]+", " ", line).split()
    return found if len(found) > 1 and len(rest) <= 8 and len(line) < 120 else []


def is_heading(text: str, span: Span, titles: frozenset[str]) -> bool:
    """Whether a line is a heading: known as one, marked as one, or a short line above a longer one."""
    line = text[span[0] : span[1]]
    if line.startswith("#") or plain(line) in titles:
        return True
    if text[: span[0]].rpartition("\n")[2].strip():
        return False
    below = text[span[1] :].lstrip(" ")
    if not below.startswith("\n") or ITEM.match(line):
        return False
    if 2 * sum(c.isalpha() for c in line) < len(line):
        return False
    if is_alone(text, *span) and len(line) <= LONGEST_HEADING:
        closed = line.rstrip("*_ ").endswith((".", "!", ":", ";", ",", "。", "："))
        return not closed and bool(below.strip())
    return bool(_HEADING.fullmatch(line)) and len(below.strip().partition("\n")[0]) > len(line)


def is_clause(text: str, span: Span) -> bool:
    """Whether a line is the number and title of a clause, like "§ 3 Fees" above its text."""
    before, line = text[: span[0]].rpartition("\n")[2], text[span[0] : span[1]]
    below = text[span[1] :].lstrip(" ").removeprefix("\n").partition("\n")[0]
    return (
        not before.strip()
        and _CLAUSE.fullmatch(line) is not None
        and text[span[1] :].lstrip(" ").startswith("\n")
        and bool(below.strip())
        and (len(below) > len(line) or line.startswith("§"))
        and (kind(below) == "text" or line.startswith("§"))
        and not _CLAUSE.fullmatch(below)
    )


def columns(line: str) -> list[str]:
    """The cells of a line that is set in columns by spaces."""
    return [cell for cell, _ in placed(line)]


def placed(line: str) -> list[tuple[str, Span]]:
    """The cells of a line that is set in columns by spaces, and where each stands in it."""
    return [
        (match[0], match.span()) for match in re.finditer(r"[^\s](?:[^\s]| (?! ))*(?<! )", line)
    ]


def is_alone(text: str, start: int, end: int) -> bool:
    """Whether a line has nothing above and below it in its paragraph."""
    before, after = text[:start].rstrip(" "), text[end:].lstrip(" ")
    return (not before or before.endswith("\n\n")) and (not after or after.startswith("\n\n"))


def plain(title: str) -> str:
    """A heading as it is compared."""
    return " ".join(re.findall(r"\w+", title.lower()))


def title_words(title: str) -> str:
    """The words of a title or file name. Empty if they say nothing, like "001.txt"."""
    words = re.findall(r"[^\W_]+", re.sub(r"\.\w{1,5}$", "", title))
    return " ".join(words) if any(len(w) > 2 and w.isalpha() for w in words) else ""


def spans(text: str, start: int, end: int) -> Iterator[Span]:
    """The lines of a part of a text, without the white space around them."""
    for match in re.finditer(r"[^\n]+", text[start:end]):
        line = match.group()
        a = start + match.start() + len(line) - len(line.lstrip())
        b = start + match.end() - (len(line) - len(line.rstrip()))
        if b > a:
            yield a, b


def unmarked(text: str) -> dict[int, Literal["item", "heading"]]:
    """
    Where the lines of lists without marks begin: short ones below one another, without an end.

    They are things with their amounts, as in a recipe, or names. A line above amounts that has none
    is what the list is called.
    """
    found: dict[int, Literal["item", "heading"]] = {}
    # Begun at a line only, and never tried with less of it: else a long line costs its square.
    for paragraph in re.finditer(r"(?m)^[^\n]++(?:\n[^\n]++)+", text):
        items = list(spans(text, *paragraph.span()))
        told = [text[a:b] for a, b in items]
        if len(items) < FEWEST_UNMARKED or not all(map(_may_be_item, told)):
            continue
        figures_first = [line[0].isdigit() for line in told]
        is_named = not figures_first[0] and sum(figures_first) > len(items) / 2
        if is_named or all(line[0].isdigit() or line[0].isupper() for line in told):
            found |= dict.fromkeys((a for a, _ in items), "item")
            if is_named:
                found[items[0][0]] = "heading"
    return found


def _may_be_item(line: str) -> bool:
    return (
        len(line) <= LONGEST_UNMARKED_LINE
        and line[0].isalnum()
        and not line.endswith((".", ":", ";", ",", "!", "?"))
        and kind(line) == "text"
    )


def split(text: str) -> Iterator[Span]:
    """
    The sentences of a text. One that holds lines of a table or a record comes as those lines.

    A row between bars is whole, whatever stops stand in its cells.
    """
    at, items = 0, unmarked(text)
    for match in re.finditer(r"[^\n]+", text):
        if " | " in match.group() and kind(match.group().strip()) == "row":
            yield from _sentences(text, at, match.start(), items)
            yield from spans(text, match.start(), match.end())
            at = match.end()
    yield from _sentences(text, at, len(text), items)


def _sentences(text: str, at: int, to: int, items: Container[int]) -> Iterator[Span]:
    for start, end in sentences.split(text[at:to]):
        yield from _with_lines(text, at + start, at + end, items)


def _with_lines(text: str, start: int, end: int, items: Container[int]) -> Iterator[Span]:
    """A sentence, or the lines of it that are of a table or a record, and what is between them."""
    if "\n" not in text[start:end]:
        yield start, end
        return
    found_lines = list(spans(text, start, end))
    special = [kind(text[a:b]) not in ("text", "item") for a, b in found_lines]
    special = [
        of or is_clause(text, line) or line[0] in items
        for of, line in zip(special, found_lines, strict=True)
    ]
    if not any(special):
        yield start, end
        return
    for is_special, group in groupby(
        zip(found_lines, special, strict=True), key=lambda pair: pair[1]
    ):
        found = [line for line, _ in group]
        if is_special:
            yield from found
        else:
            yield found[0][0], found[-1][1]
