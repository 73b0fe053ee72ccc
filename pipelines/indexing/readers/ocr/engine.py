"""
Text recognition (OCR) of one picture at a time, in the reader's limited process.

Tesseract is used if it is installed, else RapidOCR (the extra `ocr`), whose models lie in its
package. Nothing is downloaded.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

from pipelines.indexing.converted import MOST_PAGES, OnPage, PageText, unheard
from pipelines.system import child_environment

# Reading one page may take so long.
PAGE_S = 60
# A page of A4 at 300 dots an inch has 8.7 million pixels.
MOST_PIXELS = 20_000_000
# More languages at once make tesseract slow and unsure.
MOST_LANGUAGES = 4
# Words that are less sure are marks and dirt.
LEAST_SURE = 30
# With fewer letters, or less sure, a picture holds no text.
LEAST_LETTERS = 3
LEAST_PAGE_SURE = 40
# How sure the engine is of a page that took it too long.
TOO_LONG = -1
HOW_TO_INSTALL = "install tesseract-ocr (see the handbook) and add the file again"

# ISO 639-1 to tesseract's names.
LANGUAGES = {
    "ar": "ara", "bg": "bul", "cs": "ces", "da": "dan", "de": "deu", "el": "ell", "en": "eng",
    "es": "spa", "et": "est", "fa": "fas", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin",
    "hr": "hrv", "hu": "hun", "it": "ita", "ja": "jpn", "ko": "kor", "lt": "lit", "lv": "lav",
    "nl": "nld", "no": "nor", "nb": "nor", "pl": "pol", "pt": "por", "ro": "ron", "ru": "rus",
    "sk": "slk", "sl": "slv", "sr": "srp", "sv": "swe", "th": "tha", "tr": "tur", "uk": "ukr",
    "vi": "vie", "zh": "chi_sim",
}  # fmt: skip


@dataclass(frozen=True)
class Recognised:
    """
    The text of a picture.

    :param sure: How sure the engine is of its words, from 0 to 100, on average over their letters.
    """

    text: str
    sure: int

    @property
    def mark(self) -> str:
        """The line that says where the text comes from."""
        return f"(read by OCR, {self.sure}% sure)"

    @property
    def is_text(self) -> bool:
        """Whether there is text in the picture at all."""
        return self.sure >= LEAST_PAGE_SURE and sum(map(str.isalnum, self.text)) >= LEAST_LETTERS


def untold(place: str, engine: str, text: str, sure: int) -> None:
    """Pages that nobody keeps."""


@dataclass
class Allowance:
    """
    What OCR may still take for one document, with all files in it, and what it knows already.

    :param left_cpu_s: CPU time of this process alone. An engine that runs inside it must leave some
        of the reader's own limit for the rest.
    :param on_page: Is told before each page of a scan, because a long one takes minutes.
    :param on_text: Is told what was read: the fields of a `PageText`.
    :param pages_left: How many pages and pictures wait for the next attempt.
    """

    left_s: float
    left_cpu_s: float = 200.0
    on_page: OnPage = unheard
    on_text: Callable[[str, str, str, int], None] = untold
    pages_left: int = 0
    _known: dict[tuple[str, str], Recognised] = field(default_factory=dict)
    _new: int = 0

    def know(self, pages: Iterable[PageText]) -> None:
        """Remember what attempts before have read."""
        self._known |= {
            (page.place, page.engine): Recognised(page.text, page.sure) for page in pages
        }

    @property
    def is_spent(self) -> bool:
        """Whether there is no time left, or too much was read."""
        return self.left_s <= 0 or self.left_cpu_s <= 0 or len(self._known) >= MOST_PAGES

    def recognise(
        self, picture: Callable[[], Any], place: str, languages: Sequence[str] = ()
    ) -> Recognised | None:
        """
        Read a picture, unless an attempt before has read it.

        :param picture: Makes it (one of Pillow).
        :param place: What it is known by, in this document.
        :param languages: ISO 639-1 codes of the rest of the document.
        :returns: None if there is no engine, no time left, or this picture takes too long.
        """
        if engine_name() is None:
            return None
        key = place, _engine(tuple(languages))
        if key not in self._known:
            if self.is_spent:
                # Another attempt is worth while only if this one has come further.
                self.pages_left += self._new > 0 and len(self._known) < MOST_PAGES
                return None
            found = self._known[key] = self._recognised(picture(), languages)
            self._new += 1
            self.on_text(*key, found.text, found.sure)
        found = self._known[key]
        return None if found.sure == TOO_LONG else found

    def _recognised(self, picture: Any, languages: Sequence[str]) -> Recognised:
        started, used = time.monotonic(), time.process_time()
        try:
            picture = _fitting(picture)
            if engine_name() == "tesseract":
                return _by_tesseract(picture, languages, PAGE_S)
            return _by_rapidocr(picture)
        except subprocess.TimeoutExpired:
            return Recognised("", TOO_LONG)
        finally:
            self.left_s -= time.monotonic() - started
            self.left_cpu_s -= time.process_time() - used


@cache
def engine_name() -> str | None:
    """The engine that reads pictures here: tesseract, RapidOCR or none."""
    if shutil.which("tesseract"):
        return "tesseract"
    names = ("rapidocr", "onnxruntime")
    return "RapidOCR" if all(map(importlib.util.find_spec, names)) else None


@cache
def _engine(languages: tuple[str, ...]) -> str:
    """The engine with its version and the languages that it reads by."""
    if engine_name() == "tesseract":
        done = subprocess.run(
            ["tesseract", "--version"], capture_output=True, text=True, timeout=30
        )
        return f"{(done.stdout or done.stderr).partition(chr(10))[0]} {_languages(languages)}"
    return f"RapidOCR {version('rapidocr')}"


def _fitting(picture: Any) -> Any:
    """The picture without colours and transparency, and no larger than is allowed."""
    if picture.mode in ("RGBA", "LA", "PA", "P"):
        from PIL import Image

        clear = picture.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        picture = Image.alpha_composite(white, clear)
    picture = picture.convert("L")
    width, height = picture.size
    if width * height > MOST_PIXELS:
        share = (MOST_PIXELS / (width * height)) ** 0.5
        picture = picture.resize((max(1, int(width * share)), max(1, int(height * share))))
    return picture


@cache
def installed_languages() -> tuple[str, ...]:
    """The languages that tesseract has here, by its own names."""
    done = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, timeout=30)
    return tuple(line.strip() for line in done.stdout.splitlines()[1:] if line.strip())


def _languages(wanted: Sequence[str]) -> str:
    """The languages to read by: those of the document first, then what else is installed."""
    installed = [one for one in installed_languages() if one not in ("osd", "equ", "snum")]
    first = [LANGUAGES[one] for one in wanted if LANGUAGES.get(one) in installed]
    chosen = list(dict.fromkeys([*first, *installed]))[:MOST_LANGUAGES]
    return "+".join(chosen) or "eng"


def _by_tesseract(picture: Any, languages: Sequence[str], most_s: float) -> Recognised:
    return of_tsv(table_of(picture, languages, most_s))


def table_of(picture: Any, languages: Sequence[str], most_s: float) -> str:
    """
    Tesseract's table of the words in a picture, with their places.

    :raises subprocess.TimeoutExpired: It takes too long.
    """
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    # With its data it also finds out which way up a page is.
    layout = "1" if "osd" in installed_languages() else "3"
    done = subprocess.run(
        ["tesseract", "stdin", "stdout", "-l", _languages(languages), "--psm", layout, "tsv"],
        input=file.getvalue(),
        capture_output=True,
        timeout=most_s,
        env=child_environment.whole(OMP_THREAD_LIMIT="1"),
    )
    return done.stdout.decode("utf-8", "replace")


def of_tsv(table: str) -> Recognised:
    """The text in tesseract's table of words: a line for each line, a gap between paragraphs."""
    lines: dict[tuple[str, ...], list[str]] = {}
    sure = letters = 0.0
    for word in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (word.get("text") or "").strip()
        try:
            confidence = float(word.get("conf") or -1)
        except ValueError:
            continue
        if not text or confidence < LEAST_SURE:
            continue
        place = tuple(word.get(name) or "" for name in ("block_num", "par_num", "line_num"))
        lines.setdefault(place, []).append(text)
        sure += confidence * len(text)
        letters += len(text)
    return Recognised(_laid_out(lines), round(sure / letters) if letters else 0)


def _laid_out(lines: dict[tuple[str, ...], list[str]]) -> str:
    parts: list[str] = []
    before: tuple[str, ...] = ()
    for place, words in lines.items():
        if parts:
            parts.append("\n" if place[:2] == before[:2] else "\n\n")
        parts.append(" ".join(words))
        before = place
    return "".join(parts)


@cache
def _rapid() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR()


def _by_rapidocr(picture: Any) -> Recognised:
    import numpy as np

    found = _rapid()(np.asarray(picture.convert("RGB")))
    texts, scores = list(found.txts or ()), list(found.scores or ())
    letters = sum(map(len, texts))
    sure = sum(len(t) * s for t, s in zip(texts, scores, strict=True)) / letters if letters else 0
    return Recognised("\n".join(_rows(found.boxes, texts)), round(100 * sure))


def _rows(boxes: Any, texts: list[str]) -> Iterator[str]:
    """Lines of text, those beside each other in one."""
    if not texts:
        return
    placed = sorted(
        (min(y for _, y in box), max(y for _, y in box), min(x for x, _ in box), text)
        for box, text in zip(boxes, texts, strict=True)
    )
    row: list[tuple[float, str]] = []
    bottom = float("-inf")
    for top, low, left, text in placed:
        if row and (top + low) / 2 > bottom:
            yield " ".join(part for _, part in sorted(row))
            row = []
        bottom = low if not row else bottom
        row.append((left, text))
    yield " ".join(part for _, part in sorted(row))
