"""
Text cleaning: removes what PostgreSQL cannot store, and counts it. Pure.

Also identifies the language of a text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pipelines.errors import InputError

# NUL cannot be stored, and lone surrogates have no UTF-8. Other control characters and the two
# non-characters show as boxes or break JSON. Tab, line feed and form feed (a page break) stay.
_UNFIT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# What nobody sees and only parts a word from itself: soft hyphens, zero-width spaces and joiners
# of lines. The zero-width joiners are letters in Persian and Hindi, and none between Latin ones.
_INVISIBLE = re.compile(
    "[\u00ad\u180e\u200b\u2060-\u2064\ufeff]|(?<=[A-Za-z0-9À-ɏ])[\u200c\u200d]+(?=[A-Za-z0-9À-ɏ])"
)
_MAYBE_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200d\u2060-\u2064\ufeff]")
# UTF-8 that was decoded as Latin-1 earlier: "â\x80\x93" was a dash. Such a run has control
# characters that intact text never has.
_MISREAD = re.compile("[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# The slower patterns are only tried where these, which are searched in C, find something.
_MAYBE_MISREAD = re.compile("[\xc3-\xf4][\x80-\xbf]")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+")
_ODD_SPACES = re.compile(r"[\u00a0\u2000-\u200a\u202f\u3000]")
# All white space but blanks and line feeds.
_OTHER_SPACES = re.compile(
    "[\t\x0b-\x0d\x1c-\x1f\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
# What `clean` may change, and some signs that it leaves.
_MAYBE_UNCLEAN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xbf\u180e\u200b-\u200d\u2060-\u2064\ud800-\udfff\ufeff\ufffe\uffff]"
)
_EMPTY_LINES = re.compile(r"\n{3,}")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
# A word that a line's end parts, and one that has its hyphen inside a line.
_BREAK = re.compile(r"[-\u00ad\ufffe](?:\n|(?<=\ufffe))(?=([^\W_]{1,60}))")
_HYPHEN = re.compile(r"-(?=([^\W_]{1,60}))")
_WORD_BEFORE = re.compile(r"[^\W_]{1,60}\Z")
_LONGEST_WORD = 60
# Words that are written with a hyphen, whatever else the text says: well-known, twenty-one.
_COMPOUND = re.compile(
    r"(?:well|self)-(?!(?:ness|ish|less|ing)(?![a-z]))[a-z]+"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty-(?:one|two|three|four|five|six|seven|eight|nine)"
)
# After these words the hyphen stands for a shared ending: "Vor- und Nachteile".
_AND = {"and", "or", "und", "oder", "bis", "sowie", "et", "ou", "och", "og"}

# Files written as letters: an address that holds its data, lines of one length, or one long run.
# Each alternative begins only where its run does, so that a text takes time by its length.
_DATA_ADDRESS = re.compile(
    r"data:[\w/+.-]{1,80}(?:;[\w=.-]{1,60}){0,4};base64,[A-Za-z0-9+/=\s]{80,}"
)
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/=])(?:(?:[A-Za-z0-9+/]{60,100}[ \t]*\n[ \t]*){4,}"
    r"(?:[A-Za-z0-9+/]{1,100}={1,2}|[A-Za-z0-9+/]{20,100}(?![^\s]))?|[A-Za-z0-9+/]{400,}={0,2})"
)
_SHORTEST_DATA = 60
_KINDS_OF_LETTERS = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))


# The language of fewer letters cannot be identified.
_LEAST_LETTERS = 20


@dataclass(frozen=True)
class Cleaned:
    """Text that can be stored, and the number of characters removed from it."""

    text: str
    removed: int


def clean(text: str) -> Cleaned:
    """
    Remove characters that cannot be stored, unify line ends, and repair UTF-8 decoded as Latin-1.

    What is invisible inside words is removed as well, and not counted: nothing readable is lost.
    """
    if not _MAYBE_UNCLEAN.search(text):
        return Cleaned(text, 0)  # most texts
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _MAYBE_MISREAD.search(text):
        text = _MISREAD.sub(_reread, text)
    fit, removed = _UNFIT.subn("", text)
    if _MAYBE_INVISIBLE.search(fit):
        fit = _INVISIBLE.sub("", fit)
    return Cleaned(fit, removed)


def without_data(text: str) -> tuple[str, int]:
    """
    Take out files that are written as letters (base64): a picture, a certificate, a key.

    :returns: The text, and the number of blocks taken out.
    """
    count = 0

    def gone(found: re.Match[str]) -> str:
        nonlocal count
        # One kind of letters alone is a sequence of a protein, or a table.
        if not all(kind.search(found.group()) for kind in _KINDS_OF_LETTERS):
            return found.group()
        count += 1
        return "(data)\n" if found.group().endswith("\n") else "(data)"

    text = _DATA_ADDRESS.sub(gone, text)
    if max(map(len, text.split()), default=0) >= _SHORTEST_DATA:
        text = _BASE64.sub(gone, text)
    return text, count


def _reread(run: re.Match[str]) -> str:
    if not _UNFIT.search(run.group()):
        return run.group()
    try:
        return run.group().encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return run.group()


def typed(text: str) -> str:
    """Replace each character that cannot be stored by a blank in text that a person typed."""
    return _UNFIT.sub(" ", text)


def question_of(text: str, most: int) -> str:
    """
    A question that a person typed, on one line.

    :param most: Characters that are taken.
    :raises InputError: It is empty or too long.
    """
    question = " ".join(typed(text).split())
    if not question:
        raise InputError("The question is empty.")
    if len(question) > most:
        raise InputError(
            f"The question has {len(question):,} characters; at most {most:,} are taken."
        )
    return question


def tidy(text: str) -> str:
    """Reduce white space: one blank between words, at most one empty line, none at the ends."""
    others = set(_OTHER_SPACES.findall(text))
    if all(map(_SPACES.match, others)):  # most texts
        for space in others:
            text = text.replace(space, " ")
        while "  " in text:
            text = text.replace("  ", " ")
        text = text.replace(" \n", "\n").replace("\n ", "\n")
        return _BLANK_LINES.sub("\n\n", text).strip()
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def indented(text: str) -> str:
    """White space of code and plain text: indentation and gaps stay, at most one empty line."""
    lines = (_ODD_SPACES.sub(" ", line).rstrip() for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def join_hyphens(text: str) -> str:
    """
    Join words that are hyphenated at a line's end, by evidence.

    A hyphen stays before a digit or a capital, where the text writes the word with one inside a
    line, and in words that nobody writes without. PDFium's mark for a hyphen that breaks a line
    counts as one.
    """
    if not _BREAK.search(text):
        return text.replace("\ufffe", "")
    whole = _hyphenated(text)

    def joined(found: re.Match[str]) -> str:
        before, after = _word_before(text, found.start()), found.group(1)
        if not before:
            return found.group()
        if after.lower() in _AND:
            return "- "
        kept = not (before[-1].islower() and after[0].islower())
        word = f"{before}-{after}"
        kept = kept or word.lower() in whole or _COMPOUND.fullmatch(word) is not None
        return "-" if kept else ""

    return _BREAK.sub(joined, text).replace("\ufffe", "")


def _word_before(text: str, end: int) -> str:
    word = _WORD_BEFORE.search(text, max(0, end - _LONGEST_WORD), end)
    return "" if word is None else word.group()


def _hyphenated(text: str) -> set[str]:
    """The words that have a hyphen inside a line, in small letters. Of more hyphens the first counts."""
    words = set()
    past = 0
    for hyphen in _HYPHEN.finditer(text):
        before = _word_before(text, hyphen.start())
        if before and hyphen.start() - len(before) >= past:
            past = hyphen.end(1)
            words.add(f"{before}-{hyphen.group(1)}".lower())
    return words


@cache
def _identifier() -> object:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language(text: str) -> str | None:
    """The ISO 639-1 code of a text's main language, or None if there is too little text."""
    half = len(text) // 2
    sample = text if len(text) <= 2000 else text[:1000] + " " + text[half : half + 1000]
    if sum(map(str.isalpha, sample)) < _LEAST_LETTERS:
        return None
    code, probability = _identifier().classify(sample)  # type: ignore[attr-defined]
    return str(code) if probability > 0.7 else None
