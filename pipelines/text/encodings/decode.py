"""Decodes bytes of unknown encoding, and tells those that are no text. Pure."""

from __future__ import annotations

import codecs
import re

from pipelines.text.clean import language
from pipelines.text.encodings.alphabets import cyrillic_encoding, latin_encoding

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
# What is done with bytes that are no UTF-8, by the name that Python knows it by.
_STRAY_BYTES = "attune-windows"
_SEQUENCE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_TYPICAL = re.compile(rb"\xc3[\x80-\xbf]|\xc2[\xa0-\xbf]|\xe2\x80[\x90-\xaf]|\xe2\x82\xac")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """
    Decode bytes of unknown encoding.

    A byte order mark decides. Without one, the pattern of zero bytes (UTF-16 and UTF-32) is tried,
    then UTF-8, then UTF-8 with bytes of Windows among it, then what the file declares, then the
    encoding in which the letters are those of one language, then the likeliest result of `charset-normalizer`.

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
    if _is_nearly_utf8(data[:_SAMPLE_BYTES]):
        return data.decode("utf-8", errors=_STRAY_BYTES), "utf-8"
    if declared is not None:
        text = data.decode(declared, errors="replace")
        if text.count("\ufffd") <= len(text) * MOST_MISDECODED:
            return text, declared
    sample = data[:_SAMPLE_BYTES]
    if (latin := latin_encoding(sample)) is not None:
        return data.decode(latin, errors="replace"), latin
    if (cyrillic := cyrillic_encoding(sample)) is not None:
        return data.decode(cyrillic, errors="replace"), cyrillic
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    encoding = best.encoding if best is not None else "cp1252"
    if _LATIN.fullmatch(encoding):
        found = language(data.decode("cp1252", errors="replace"))
        if found is None or found in _WESTERN:
            encoding = "cp1252"
    return data.decode(encoding, errors="replace"), encoding


def _by_windows(error: UnicodeError) -> tuple[str, int]:
    """Decode an invalid UTF-8 byte as Windows-1252 does."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_STRAY_BYTES, _by_windows)


def _is_nearly_utf8(sample: bytes) -> bool:
    """
    Whether a text is UTF-8 but for a few bytes, which somebody added in another encoding.

    What UTF-8 makes of Latin letters and dashes stands in no word of another encoding.
    """
    found = _SEQUENCE.findall(sample)
    stray = sum(byte > 127 for byte in sample) - sum(map(len, found))
    typical = sum(_TYPICAL.match(one) is not None for one in found)
    return stray <= 2 * typical or stray * 20 <= len(found)


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
