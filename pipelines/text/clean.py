"""
Text cleaning: removes what PostgreSQL cannot store, and counts it. Pure.

Also decodes bytes of unknown encoding and identifies the language of a text.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cache

# NUL cannot be stored, and lone surrogates have no UTF-8. Other control characters and the two
# non-characters show as boxes or break JSON. Tab, line feed and form feed (a page break) stay.
_UNFIT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# What nobody sees and only parts a word from itself: soft hyphens, zero-width spaces and joiners
# of lines. The zero-width joiners are letters in Persian and Hindi, and none between Latin ones.
_INVISIBLE = re.compile(
    "[\u00ad\u180e\u200b\u2060-\u2064\ufeff]|(?<=[A-Za-z0-9À-ɏ])[\u200c\u200d]+(?=[A-Za-z0-9À-ɏ])"
)
# UTF-8 that was decoded as Latin-1 earlier: "â\x80\x93" was a dash. Such a run has control
# characters that intact text never has.
_MISREAD = re.compile("[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+")
_ODD_SPACES = re.compile(r"[\u00a0\u2000-\u200a\u202f\u3000]")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
# A word that a line's end parts, and one that has its hyphen inside a line.
_BROKEN = re.compile(r"([^\W_]{1,60})(?:\ufffe\n?|[-\u00ad]\n)(?=([^\W_]{1,60}))")
# After these words the hyphen stands for a shared ending: "Vor- und Nachteile".
_AND = {"and", "or", "und", "oder", "bis", "sowie", "et", "ou", "och", "og"}
_HYPHENATED_WORD = re.compile(r"(?<![^\W_])[^\W_]{1,60}-[^\W_]{1,60}")

# Files written as letters: an address that holds its data, lines of one length, or one long run.
# Each alternative begins only where its run does, so that a text takes time by its length.
_DATA_ADDRESS = re.compile(
    r"data:[\w/+.-]{1,80}(?:;[\w=.-]{1,60}){0,4};base64,[A-Za-z0-9+/=\s]{80,}"
)
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/=])(?:(?:[A-Za-z0-9+/]{60,100}[ \t]*\n[ \t]*){4,}"
    r"(?:[A-Za-z0-9+/]{1,100}={1,2}|[A-Za-z0-9+/]{20,100}(?![^\s]))?|[A-Za-z0-9+/]{400,}={0,2})"
)
_KINDS_OF_LETTERS = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings that differ in a few letters only. The language of the text decides between them.
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
# The language of fewer letters cannot be identified.
_LEAST_LETTERS = 20
# A declared encoding with a larger share of undecodable bytes is not the file's encoding.
MOST_MISDECODED = 0.001
# Text never has a larger share of control characters.
MOST_CONTROLS = 0.02
# First bytes of files that are not text, whatever their name says.
_MAGIC = (
    (b"%PDF-", "a PDF file"), (b"\x89PNG", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"), (b"II*\x00", "a TIFF picture"), (b"MM\x00*", "a TIFF picture"),
    (b"PK\x03\x04", "a ZIP or Office file"), (b"PK\x05\x06", "a ZIP file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"), (b"\x1f\x8b\x08", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"), (b"Rar!\x1a", "a RAR archive"), (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "a SQLite database"), (b"{\\rtf", "an RTF file"),
    (b"OggS", "a sound file"), (b"ID3\x03", "a sound file"), (b"ID3\x04", "a sound file"),
)  # fmt: skip
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


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
    text = _MISREAD.sub(_reread, text.replace("\r\n", "\n").replace("\r", "\n"))
    fit, removed = _UNFIT.subn("", text)
    return Cleaned(_INVISIBLE.sub("", fit), removed)


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

    for pattern in (_DATA_ADDRESS, _BASE64):
        text = pattern.sub(gone, text)
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


def tidy(text: str) -> str:
    """Reduce white space: one blank between words, at most one empty line, none at the ends."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def indented(text: str) -> str:
    """White space of code and plain text: indentation and gaps stay, at most one empty line."""
    lines = (_ODD_SPACES.sub(" ", line).rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def join_hyphens(text: str) -> str:
    """
    Join words that are hyphenated at a line's end, by evidence.

    A hyphen stays before a digit or a capital, and where the text writes the word with one inside a
    line. PDFium's mark for a hyphen that breaks a line counts as one.
    """
    if not _BROKEN.search(text):
        return text.replace("\ufffe", "")
    whole = {word.lower() for word in _HYPHENATED_WORD.findall(text)}

    def joined(found: re.Match[str]) -> str:
        before, after = found.group(1), found.group(2)
        if after.lower() in _AND:
            return f"{before}- "
        kept = not (before[-1].islower() and after[0].islower())
        kept = kept or f"{before}-{after}".lower() in whole
        return f"{before}{'-' if kept else ''}"

    return _BROKEN.sub(joined, text).replace("\ufffe", "")


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """
    Decode bytes of unknown encoding.

    A byte order mark decides. Without one, the pattern of zero bytes (UTF-16 and UTF-32) is tried,
    then UTF-8, then what the file declares, then the likeliest result of `charset-normalizer`.

    :param declared: The encoding that the file names.
    :returns: The text and the name of the encoding.
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
    if declared is not None:
        text = data.decode(declared, errors="replace")
        if text.count("\ufffd") <= len(text) * MOST_MISDECODED:
            return text, declared
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE_BYTES]).best()
    encoding = best.encoding if best is not None else "cp1252"
    if _LATIN.fullmatch(encoding):
        found = language(data.decode("cp1252", errors="replace"))
        if found is None or found in _WESTERN:
            encoding = "cp1252"
    return data.decode(encoding, errors="replace"), encoding


def binary_kind(data: bytes) -> str | None:
    """
    What a file under the name of a text really is, in words.

    :returns: None for what may well be text.
    """
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    sample = data[:_SAMPLE_BYTES]
    if any(data.startswith(mark) for mark, _ in _BOMS) or _wide_encoding(sample) is not None:
        return None
    controls = len(_CONTROLS.findall(sample))
    return "binary data" if controls > max(8, MOST_CONTROLS * len(sample)) else None


def _wide_encoding(sample: bytes) -> str | None:
    """
    Recognise UTF-16 or UTF-32 without a mark: most characters have zero bytes at the same
    positions.
    """
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
    """The ISO 639-1 code of a text's main language, or None if there is too little text."""
    half = len(text) // 2
    sample = text if len(text) <= 2000 else text[:1000] + " " + text[half : half + 1000]
    if sum(map(str.isalpha, sample)) < _LEAST_LETTERS:
        return None
    code, probability = _identifier().classify(sample)  # type: ignore[attr-defined]
    return str(code) if probability > 0.7 else None
