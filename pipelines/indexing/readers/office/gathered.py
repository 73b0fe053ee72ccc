"""What is gathered while a Word file is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipelines.indexing.converted import counted


@dataclass
class LeftOut:
    """What is seen and not read."""

    objects: int = 0
    hidden: int = 0

    def notes(self) -> list[str]:
        """A line for each kind."""
        told = []
        if self.objects:
            told.append(f"{counted(self.objects, 'embedded object')} not read")
        if self.hidden:
            told.append(f"{counted(self.hidden, 'hidden text')} left out")
        return told


@dataclass
class Paragraph:
    """What a paragraph holds besides its text."""

    parts: list[str] = field(default_factory=list)
    boxes: list[Any] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    breaks: int = 0
    link: str = ""
