"""
The one boundary where text is made fit to store: what PostgreSQL cannot hold goes, counted.

Pure. Also decodes bytes of unknown encoding and names the language of a text.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cache

# NUL cannot be stored; lone surrogates have no UTF-8; other control characters and the two
# non-characters show as boxes or break JSON. Tab, line feed, form feed (a page) stay.
_UNFIT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# UTF-8 that someone read as Latin-1 on its way here: "â\x80\x93" was a dash. Such a run holds
# control characters that no sound text has.
_MISREAD = re.compile("[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_HYPHENATED = re.compile(r"(?<=[a-zà-ÿ])[-\u00ad]\n(?=[a-zà-ÿ])")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Neighbours that differ in a few letters; the language of the text tells which one it is.
_LATIN = re.compile(
    r"cp125[0478]|cp(?:437|775|8[5-6]\d)|(?:iso8859|latin)_(?:1|2|3|4|9|10|13|14|15|16)|mac_(?!cyr|gre)\w+"
)
_WESTERN = {
    "ca",
    "da",
    "de",
    "en",
    "es",
    "fi",
    "fr",
    "gl",
    "is",
    "it",
    "nb",
    "nl",
    "no",
    "pt",
    "sv",
}
_SAMPLE_BYTES = 200_000
# Fewer letters than this tell no language.
_LEAST_LETTERS = 20


@dataclass(frozen=True)
class Cleaned:
    """Text fit to store, and how many characters were taken out for it."""

    text: str
    removed: int


def clean(text: str) -> Cleaned:
    """The text without what cannot be stored; line ends unified, UTF-8 read as Latin-1 put right."""
    text = _MISREAD.sub(_reread, text.replace("\r\n", "\n").replace("\r", "\n"))
    fit, removed = _UNFIT.subn("", text)
    return Cleaned(fit, removed)


def _reread(run: re.Match[str]) -> str:
    if not _UNFIT.search(run.group()):
        return run.group()
    try:
        return run.group().encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return run.group()


def typed(text: str) -> str:
    """What a person typed, with a blank for each sign that is no character and cannot be stored."""
    return _UNFIT.sub(" ", text)


def tidy(text: str) -> str:
    """White space as it is read: runs of blanks to one, at most one empty line, no ends."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def join_hyphens(text: str) -> str:
    """Words that a typesetter broke at a line's end, whole again."""
    return _HYPHENATED.sub("", text)


def decode(data: bytes) -> tuple[str, str]:
    """
    Bytes of unknown encoding as text, and the encoding's name.

    A byte order mark decides; else UTF-8 if it fits; else the pattern of zero bytes (UTF-16
    and UTF-32 without a mark); else what `charset-normalizer` finds likeliest.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), encoding
    wide = _wide_encoding(data[:_SAMPLE_BYTES])
    if wide is not None:
        return data.decode(wide, errors="replace"), wide
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE_BYTES]).best()
    encoding = best.encoding if best is not None else "cp1252"
    if _LATIN.fullmatch(encoding):
        found = language(data.decode("cp1252", errors="replace"))
        if found is None or found in _WESTERN:
            encoding = "cp1252"
    return data.decode(encoding, errors="replace"), encoding


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: most characters have zero bytes in the same places."""
    if len(sample) < 8 or b"\x00" not in sample:
        return None
    quarters = [sample[i::4].count(0) / max(1, len(sample[i::4])) for i in range(4)]
    high = [share > 0.4 for share in quarters]
    return {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }.get((high[0], high[1], high[2], high[3]))


@cache
def _identifier() -> object:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language(text: str) -> str | None:
    """ISO 639-1 code of most of the text; None where there is too little of it to tell."""
    half = len(text) // 2
    sample = text if len(text) <= 2000 else text[:1000] + " " + text[half : half + 1000]
    if sum(map(str.isalpha, sample)) < _LEAST_LETTERS:
        return None
    code, probability = _identifier().classify(sample)  # type: ignore[attr-defined]
    return str(code) if probability > 0.7 else None
