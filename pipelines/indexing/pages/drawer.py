"""
Pages of documents for people to look at, drawn in a child process with limits.

The child keeps the last document open, because people turn pages. It ends when nothing was asked
for a while. Pictures are kept in memory, within a bound.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from pipelines.errors import InputError
from pipelines.indexing.child import LimitedChild, limit_cpu, limit_memory, opened
from pipelines.indexing.converted import ReadLimits
from pipelines.indexing.pages.boxes import Box
from pipelines.indexing.pages.sheet import Quote, Sheet, boxes_of

# A page that takes longer is not drawn: its text is shown.
LIMITS = ReadLimits(memory_mb=1000, cpu_s=10, wall_s=20)
# Text recognition has a program of its own, which uses most of the time.
RECOGNISING = ReadLimits(memory_mb=1500, cpu_s=10, wall_s=50)
CHILD = "from pipelines.indexing.pages.drawer import serve; serve()"
MOST_KEPT_BYTES = 48_000_000
MOST_RECOGNISED = 200
IDLE_S = 120
# Widths of pictures. A page asked for in another is drawn in the next larger one.
WIDTHS_PX = (480, 960, 1440, 2160, 2880)
GOOD, BAD = b"+", b"-"

T = TypeVar("T")


def width_of(wanted_px: int) -> int:
    """The width in which a picture is drawn."""
    return next((width for width in WIDTHS_PX if width >= wanted_px), WIDTHS_PX[-1])


class Drawer(LimitedChild):
    """Draws pages of PDFs, one at a time. Safe to share between threads."""

    def __init__(self, limits: ReadLimits = LIMITS) -> None:
        super().__init__(limits, CHILD, "drawing this page")
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._recognised: OrderedDict[tuple[str, int, Quote], list[Box]] = OrderedDict()
        self._broken: OrderedDict[tuple[Any, ...], str] = OrderedDict()
        self._held: str | None = None  # the document that the child has open
        self._idle: threading.Timer | None = None

    def draw(self, sha256: str, load: Callable[[], bytes], number: int, width_px: int) -> bytes:
        """
        A picture of a page, as WebP.

        :param sha256: Identifies the document.
        :param load: Returns its bytes. Called only if they are needed.
        :param number: The page, from 1.
        :raises InputError: Why it cannot be drawn, for a person.
        """
        width = width_of(width_px)
        key = sha256, number, width
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
            asked = {"act": "draw", "number": number, "width_px": width}
            picture = self._answer(sha256, load, asked, (sha256, number))
            self._keep(key, picture)
        return picture

    def look(
        self,
        sha256: str,
        load: Callable[[], bytes],
        number: int,
        quote: Quote | None = None,
        *,
        around: bool = False,
    ) -> Sheet:
        """
        What stands on a page, with boxes around a quote's words.

        :param around: If they are not on this page, take the one after or before it that has them.
        :raises InputError: Why it cannot be read, for a person.
        """
        asked = {"act": "look", "number": number, "around": around, "quote": _told(quote)}
        return self._parsed(Sheet.from_json, sha256, load, asked, (sha256, number))

    def recognise(
        self, sha256: str, load: Callable[[], bytes], number: int, quote: Quote
    ) -> list[Box]:
        """
        Boxes around a quote's words on a page that is a picture. It takes seconds.

        :raises InputError: Why there are none, for a person.
        """
        key = sha256, number, quote
        if (found := self._recognised.get(key)) is None:
            asked = {"act": "recognise", "number": number, "quote": _told(quote)}
            found = self._parsed(boxes_of, sha256, load, asked, (sha256, number, "recognise"))
            self._recognised[key] = found
            while len(self._recognised) > MOST_RECOGNISED:
                self._recognised.popitem(last=False)
        return found

    def _parsed(self, parse: Callable[[Any], T], *asked: Any) -> T:
        with self._lock:
            answer = self._answer(*asked)
        try:
            return parse(json.loads(answer))
        except ValueError as error:
            self.close()
            raise InputError(f"its reader is damaged: {error}") from error

    def _answer(
        self, sha256: str, load: Callable[[], bytes], asked: dict[str, Any], page: tuple[Any, ...]
    ) -> bytes:
        """The child's answer. A page that cost a child its life is not tried again soon."""
        if page in self._broken:
            raise InputError(self._broken[page])
        if self._child is None or self._child.poll() is not None:
            self._held = None
        is_open = self._held == sha256
        messages = [json.dumps(asked | {"is_open": is_open}).encode("utf-8", "surrogatepass")]
        if not is_open:
            messages.append(load())
        self._held = None
        try:
            answer = self._ask(*messages)
        except InputError as error:
            self._broken[page] = str(error)
            while len(self._broken) > 1000:
                self._broken.popitem(last=False)
            raise
        finally:
            self._end_later()
        if answer[:1] != GOOD:
            raise InputError(answer[1:].decode("utf-8", "replace"))
        self._held = sha256
        return answer[1:]

    def _keep(self, key: tuple[str, int, int], picture: bytes) -> None:
        self._kept[key] = picture
        size = sum(map(len, self._kept.values()))
        while size > MOST_KEPT_BYTES:
            size -= len(self._kept.popitem(last=False)[1])

    def _end_later(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = threading.Timer(IDLE_S, super().close)
        self._idle.daemon = True
        self._idle.start()

    def close(self) -> None:
        """End the child process."""
        if self._idle is not None:
            self._idle.cancel()
        super().close()


def serve() -> None:
    """The child: one page after another, until the parent goes."""
    pipe, limits = opened()

    import PIL.WebPImagePlugin
    import pypdfium2

    from pipelines.indexing.pages import pdf

    _ = PIL.WebPImagePlugin, pypdfium2
    limit_memory(limits.memory_mb)
    document: Any = None
    while True:
        try:
            asked = json.loads(pipe.recv_bytes())
            data = None if asked["is_open"] else pipe.recv_bytes()
        except EOFError:
            return
        limit_cpu(limits.cpu_s)
        try:
            if data is not None:
                document = None
                document = pdf.open_pdf(data)
            if document is None:
                raise InputError("the file is damaged")
            pipe.send_bytes(GOOD + _act(document, asked))
        except MemoryError:
            pipe.send_bytes(BAD + f"it took more than {limits.memory_mb} MB of memory".encode())
        except InputError as error:
            pipe.send_bytes(BAD + str(error).encode())
        except Exception as error:  # whatever a damaged file makes PDFium raise
            pipe.send_bytes(BAD + f"it is damaged: {type(error).__name__}".encode())


def _act(document: Any, asked: dict[str, Any]) -> bytes:
    from pipelines.indexing.pages import pdf

    if asked["act"] == "draw":
        return pdf.draw(document, asked["number"], asked["width_px"])
    quote = None if asked["quote"] is None else Quote(asked["quote"][0], _span(asked["quote"][1]))
    if asked["act"] == "recognise" and quote is not None:
        return json.dumps(pdf.recognise(document, asked["number"], quote)).encode()
    sheet = pdf.look(document, asked["number"], quote, around=asked["around"])
    return json.dumps(vars(sheet)).encode("utf-8", "surrogatepass")


def _told(quote: Quote | None) -> list[Any] | None:
    return None if quote is None else [quote.text, quote.span]


def _span(value: Any) -> tuple[int, int] | None:
    return None if value is None else (value[0], value[1])
