"""
Sentences of a text as character spans. Pure, without models or downloads.

Made for real documents: hard-wrapped lines of a PDF, bullets, table rows, abbreviations, decimals,
and scripts that end sentences without a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

Span = tuple[int, int]

# A longer "sentence" is really a list or a table, whose lines are better units.
LONG_CHARS = 500

_ABBREVIATION = re.compile(
    r"al|approx|art|bd|bzw|ca|cf|ch|co|corp|dept|dr|eds?|e\.?g|eq|esp|est|et|etc|ex|figs?|gen|gov"
    r"|hon|i\.?e|inc|jr|ltd?|max|min|mr|mrs|ms|mt|nos?|nr|op|pp?|prof|refs?|rep|resp|rev|sec|sen"
    r"|sr|st|str|tab|tel|univ|usw|var|viz|vols?|vs|(?:[a-z]\.)+[a-z]",
    re.IGNORECASE,
)
# After "U.S." or "Inc." a capital begins a new sentence only in one of these words.
_OPENER = re.compile(
    "A|After|All|Although|An|And|As|At|But|By|During|Each|For|From|He|However|If|In|It|Its|Most"
    "|No|On|Our|She|Since|Some|That|The|Their|There|These|They|This|Those|To|Under|We|When|While"
    "|With|You"
)
# "31. Dezember": the number of a day.
_DAY_BEFORE = re.compile(r"(?<!\d)[0-3]?\d$")
_MONTH = re.compile(
    r"Jan(?:uar)?|Feb(?:ruar)?|März|Apr(?:il)?|Mai|Juni?|Juli?|Aug(?:ust)?|Sept?(?:ember)?|Okt(?:ober)?"
    r"|Nov(?:ember)?|Dez(?:ember)?|Lebensjahr|Jahrhundert"
)
# Possessive quantifiers try a run only once, from its beginning. So a line of a million dots takes no
# longer than a line of a million letters.
_CLOSERS = r"[\"'”’»)\]」』）】]*+(?:\s?\[\d[,\-–\s\d]*+\])*+"
_END = re.compile(
    rf"(?:(?<![.!?…‽])[.!?…‽]++|(?<![؟۔।॥])[؟۔।॥]++){_CLOSERS}(?=\s|$)"
    r"|[。！？｡]++[\"'”’」』）】]*+(?:\s?\[\d++\])*+"
)
_BLOCK = re.compile(r"\n[ \t\r\f]*\n\s*|\f")
# "Step 1" at the start of a line is a mark like "1.".
STEP = r"(?i:step|schritt|étape|paso) \d{1,3}"
_MARKED_LINE = re.compile(
    rf"\s*(?:[-*•‣▪●○–—·]\s|\(?\d{{1,3}}[.)]\s|\(?[a-z][.)]\s|{STEP}[.:)]\s|#{{1,6}}\s|\||>)"
)
_STEP_BEFORE = re.compile(rf"\s*{STEP}")
_GAP = re.compile(r"(?<=\S) {3,}+(?=\S)")
# No abbreviation is longer, so a longer word need not be read whole.
_LONGEST_WORD = 40
_WORD_BEFORE = re.compile(r"([^\W\d_][\w.]*)$")
_SPACE = re.compile(r"\s*+")
_NEXT_WORD = re.compile(rf"[\"'“‘«(\[]*+(\w{{1,{_LONGEST_WORD}}})")


def split(text: str) -> list[Span]:
    """The spans of the sentences in order, without the white space around them."""
    spans: list[Span] = []
    for block in _blocks(text):
        for unit in _units(text, block):
            for sentence in _sentences(text, unit):
                spans.extend(_lines(text, sentence) if _is_long(sentence) else [sentence])
    return [span for span in (_trim(text, s) for s in spans) if span[1] > span[0]]


def _blocks(text: str) -> Iterator[Span]:
    start = 0
    for gap in _BLOCK.finditer(text):
        yield start, gap.start()
        start = gap.end()
    yield start, len(text)


def _units(text: str, block: Span) -> Iterator[Span]:
    """Paragraphs of a block. Wrapped lines are joined, list items and table rows stay separate."""
    lines = list(_lines(text, block))
    width = max((end - start for start, end in lines), default=0)
    start = block[0]
    for (line_start, line_end), (next_start, next_end) in pairwise(lines):
        line, following = text[line_start:line_end], text[next_start:next_end]
        if (
            _MARKED_LINE.match(following)
            or _is_row(line)
            or _is_row(following)
            or line.lstrip().startswith("#")
            or _ends_early(line, following, width)
        ):
            yield start, line_end
            start = next_start
    yield start, block[1]


def _is_row(line: str) -> bool:
    """Whether a line is a table row: between bars, with a tab, or with two wide gaps."""
    bare = line.strip()
    barred = len(bare) > 1 and bare[0] == bare[-1] == "|"
    return barred or "\t" in line or len(_GAP.findall(line)) > 1


def _ends_early(line: str, following: str, width: int) -> bool:
    """
    Whether a line is a heading or an item: it ends well before the wrap, and a capital follows.
    """
    bare = line.rstrip()
    first = following.lstrip()[:1]
    return len(bare) < 0.6 * width and not bare.endswith(",") and (first.isupper() or first == "$")


def _sentences(text: str, unit: Span) -> Iterator[Span]:
    start, stop = unit
    for end in _END.finditer(text, start, stop):
        if _is_end(text, start, end, stop):
            yield start, end.end()
            start = end.end()
    if start < stop:
        yield start, stop


def _is_end(text: str, start: int, mark: re.Match[str], stop: int) -> bool:
    """Whether this punctuation ends a sentence, and not an abbreviation or a list number."""
    if not mark.group().startswith((".", "…")):
        return True
    space = _SPACE.match(text, mark.end(), stop)
    after = space.end() if space else stop
    opener = _NEXT_WORD.match(text, after, stop)
    if opener and opener.group(1)[0].islower():
        return False
    before = _WORD_BEFORE.search(text, max(start, mark.start() - _LONGEST_WORD), mark.start())
    if before is None:
        is_day = _DAY_BEFORE.search(text, max(start, mark.start() - 3), mark.start())
        if is_day and opener and _MONTH.fullmatch(opener.group(1)):
            return False
        # "1. Item" at the start of a unit is a list number, not a sentence.
        told = text[start : mark.start()]
        return bool(told.strip(" ()0123456789\n")) and not _STEP_BEFORE.fullmatch(told)
    word = before.group(1)
    initial = len(word) == 1 and word.isupper()
    if initial or _ABBREVIATION.fullmatch(word):
        numbers = word.lower() in {"no", "nos", "p", "pp"} and not text[after : after + 1].isdigit()
        return after >= stop or numbers or bool(opener and _OPENER.fullmatch(opener.group(1)))
    return True


def _lines(text: str, span: Span) -> Iterator[Span]:
    start, stop = span
    while start < stop:
        newline = text.find("\n", start, stop)
        end = stop if newline < 0 else newline
        yield start, end
        start = end + 1


def _is_long(span: Span) -> bool:
    return span[1] - span[0] > LONG_CHARS


def _trim(text: str, span: Span) -> Span:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
