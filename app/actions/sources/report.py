"""What a reading of a source changed, line by line and in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

What = Literal[
    "added", "changed", "renamed", "deleted", "gone", "waiting", "failed", "skipped", "unchanged"
]
# In the order in which they are counted. `gone`: kept here although not there any more.
# `waiting`: deleted once somebody confirms. `skipped`: of no kind that is read.
WHATS: tuple[What, ...] = (
    "added", "changed", "renamed", "deleted", "gone", "waiting", "failed", "skipped", "unchanged",
)  # fmt: skip
# What is counted, and not listed.
SILENT = ("unchanged",)
MOST_LINES = 1000


@dataclass(frozen=True)
class ReportLine:
    """
    What became of one file or page.

    :param detail: Its new name, the reason of a failure, or how much was indexed.
    :param notes: What could not be read of it.
    """

    what: What
    key: str
    detail: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The line as it is stored."""
        return {
            "what": self.what, "key": self.key, "detail": self.detail, "notes": list(self.notes),
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> ReportLine:
        """The inverse of `as_json`."""
        return cls(stored["what"], stored["key"], stored["detail"], tuple(stored["notes"]))


def unheard(line: ReportLine) -> None:
    """A line that nobody listens to."""


@dataclass(frozen=True)
class Wish:
    """
    How to read a source.

    :param confirmed: Delete however many are gone, where they are to be deleted.
    :param dry_run: Only say what would change.
    """

    confirmed: bool = False
    dry_run: bool = False


@dataclass
class Report:
    """
    What became of a source.

    :param tell: Called with each line as soon as it is known.
    :param incomplete: Why not everything was looked at, so that nothing was deleted.
    """

    tell: Callable[[ReportLine], None]
    dry_run: bool = False
    lines: list[ReportLine] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    incomplete: str = ""

    def add(self, what: What, key: str, detail: str = "", notes: tuple[str, ...] = ()) -> None:
        """Note what became of a file or page."""
        line = ReportLine(what, key, detail, notes)
        self.counted[what] += 1
        if what not in SILENT and len(self.lines) < MOST_LINES:
            self.lines.append(line)
        if what not in SILENT:
            self.tell(line)

    def restore(self, stored: list[dict[str, Any]]) -> None:
        """Begin with what an attempt before has done."""
        for line in map(ReportLine.from_json, stored):
            self.counted[line.what] += 1
            self.lines.append(line)

    @property
    def counts(self) -> dict[str, int]:
        """How many files ended in each way."""
        return {what: self.counted[what] for what in WHATS}

    @property
    def waiting(self) -> list[str]:
        """Keys of what is deleted once somebody confirms."""
        return [line.key for line in self.lines if line.what == "waiting"]

    @property
    def has_changed(self) -> bool:
        """Whether anything is different now."""
        return any(self.counted[what] for what in ("added", "changed", "renamed", "deleted"))

    @property
    def sentence(self) -> str:
        """The counts, with why they are not all."""
        named = [f"{n:,} {what}" for what, n in self.counts.items() if n]
        said = (", ".join(named) or "nothing there") + "."
        if self.dry_run:
            said = f"Would be: {said}"
        if self.incomplete:
            said += f" Not everything was looked at: {self.incomplete}. So nothing is deleted."
        return said
