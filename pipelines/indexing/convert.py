"""
Files to text, in a child process with limits: a broken or hostile file ends the child, not us.

What the readers find comes back as JSON and becomes a `Converted`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from functools import partial
from multiprocessing.connection import Connection
from typing import Protocol

from pipelines.errors import InputError
from pipelines.indexing.child import LimitedChild, limit_cpu, limit_memory, opened
from pipelines.indexing.converted import (
    MOST_PAGES,
    Converted,
    OnPage,
    PageText,
    ReadLimits,
    unheard,
)
from pipelines.indexing.readers.kinds import mime_of

# After a larger file its reader holds memory that is worth giving back.
LARGE_BYTES = 500_000
# The program of a child.
CHILD = "from pipelines.indexing.convert import serve; serve()"


class Keeper(Protocol):
    """Keeps what OCR reads in a file from one attempt to the next."""

    def known(self) -> Sequence[PageText]:
        """What attempts before have read."""

    def keep(self, page: PageText) -> None:
        """Store a page as soon as it is read."""


class Converter(LimitedChild):
    """Reads one file after another in a child process. Safe to share between threads."""

    def __init__(self, limits: ReadLimits | None = None) -> None:
        super().__init__(limits or ReadLimits(), CHILD, "reading it")

    def convert(
        self, data: bytes, name: str, on_page: OnPage = unheard, keeper: Keeper | None = None
    ) -> Converted:
        """
        The text of a file.

        :param name: Its name; the ending tells the type.
        :param on_page: Is told of each page that OCR begins to read.
        :param keeper: Has the pages that OCR has read before, and gets those that it reads now.
        :raises InputError: Why it cannot be read, for a person.
        :raises Stopped: It was told to read no more.
        """
        mime = mime_of(name)
        if not data:
            raise InputError("the file is empty (0 bytes)")
        self.check_size(len(data))
        news = _News(on_page, keeper)
        with self._lock:
            try:
                head = json.dumps([mime, [astuple(page) for page in news.known]])
                answer = self._ask(head.encode(), data, is_news=news)
                result = parse_answer(answer)
            except ValueError as error:
                self._stop()
                raise InputError(f"its reader is damaged: {error}") from error
        if isinstance(result, str):
            raise InputError(result)
        return result

    def check_size(self, size_bytes: int) -> None:
        """:raises InputError: A file of this size is not read."""
        if size_bytes > self.limits.size_mb * 1_000_000:
            raise InputError(
                f"the file has {size_bytes / 1e6:.0f} MB; the limit is {self.limits.size_mb} MB"
            )


class _News:
    """A message of the reader process before its result: OCR begins a page, or has read one."""

    def __init__(self, on_page: OnPage, keeper: Keeper | None) -> None:
        self._on_page, self._keeper = on_page, keeper
        self.known = list(keeper.known()) if keeper else []
        self._room = MOST_PAGES - len(self.known)

    def __call__(self, answer: bytes) -> bool:
        """
        Whether this is news. Then it is passed on.

        :raises ValueError: It is news of no known form.
        """
        if not answer.startswith(b"["):
            return False
        try:
            value = json.loads(answer.decode("utf-8", "surrogatepass"))
            page = PageText.from_json(value) if len(value) == 4 else None
            done, total = (0, 0) if page else map(_count, value)
        except (ValueError, TypeError) as error:
            raise ValueError("it counts pages that are none") from error
        if page is None:
            self._on_page(done, total)
        elif self._keeper is not None and self._room > 0:
            self._room -= 1
            self._keeper.keep(page)
        return True


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError("not a count")
    return value


def parse_answer(answer: bytes) -> Converted | str:
    """
    What a child sent: the text of a file, or why it cannot be read.

    :raises ValueError: It is neither, so the child is not itself any more.
    """
    try:
        value = json.loads(answer.decode("utf-8", "surrogatepass"))
        return value if isinstance(value, str) else Converted.from_json(value)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError("its answer cannot be read") from error


def _send(pipe: Connection, result: Converted | str) -> None:
    value = result if isinstance(result, str) else vars(result)
    pipe.send_bytes(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _tell(pipe: Connection, *news: str | int) -> None:
    pipe.send_bytes(json.dumps(news, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def serve() -> None:
    """The child: one file after another, until the parent goes."""
    pipe, limits = opened()

    from pipelines.embedder import memory
    from pipelines.indexing.readers import read as readers
    from pipelines.indexing.readers.members import why
    from pipelines.indexing.readers.ocr.engine import Allowance

    readers.warm()
    limit_memory(limits.memory_mb)
    while True:
        try:
            head, data = pipe.recv_bytes(), pipe.recv_bytes()
        except EOFError:
            return
        limit_cpu(limits.cpu_s)
        mime, known = json.loads(head)
        tell = partial(_tell, pipe)
        ocr = Allowance(limits.ocr_s, on_page=tell, on_text=tell)
        ocr.know(PageText(*page) for page in known)
        try:
            _send(pipe, readers.read(data, mime, limits, ocr))
        except BrokenPipeError:  # the parent was killed
            return
        except MemoryError:
            _send(pipe, f"reading it took more than {limits.memory_mb} MB of memory")
        except Exception as error:  # whatever a damaged file makes a parser raise
            _send(pipe, why(error))
        if len(data) > LARGE_BYTES:
            memory.give_back()
