"""
The run folder: all that a fine-tuning run reads and writes, and the names of its files.

A run is a function of its folder. It can be killed, resumed, or copied to another machine. It
knows no database, queue or settings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.system.atomic_files import write_json, write_staged
from training.finetune.options import TrainOptions
from training.pairs.question import Question


@dataclass(frozen=True)
class RunSettings:
    """
    What a run is asked to do.

    :param base: Folder of the base model's files.
    :param base_name: What people call the base.
    :param lexical_weight: BM25's share in the score where the base is searched, if it is known.
    :param twins: Folder of accelerated models. If the base has a twin there, it embeds the texts.
    """

    run_id: str
    base: str
    base_name: str
    base_sha256: str
    options: TrainOptions
    twins: str = ""
    lexical_weight: float | None = None


@dataclass(frozen=True)
class RunDir:
    """Paths inside one run folder."""

    path: Path

    @property
    def settings(self) -> Path:
        """What was asked for (`RunSettings`)."""
        return self.path / "settings.json"

    @property
    def corpus(self) -> Path:
        """Passages, one JSON object a line: id, text."""
        return self.path / "corpus.jsonl"

    @property
    def train(self) -> Path:
        """
        Questions to train on, one JSON object a line: question, passages, and those that are
        `wrong` and that answer it `also`, if there are any.
        """
        return self.path / "train.jsonl"

    @property
    def heldout(self) -> Path:
        """Questions that only decide when to stop, and which checkpoint is best."""
        return self.path / "heldout.jsonl"

    @property
    def windows(self) -> Path:
        """Windows of the passages and the base model's vectors of them."""
        return self.path / "windows.npz"

    @property
    def known(self) -> Path:
        """Vectors of the base's index, by their windows' content. It need not be there."""
        return self.path / "known.npz"

    @property
    def progress(self) -> Path:
        """One JSON object a line, appended as the run goes on."""
        return self.path / "progress.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints. Those with a marker are complete."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The trained model, which is there only when it is complete."""
        return self.path / "model"

    @property
    def result(self) -> Path:
        """Figures of the finished run, which are written last."""
        return self.path / "result.json"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.path / "log.txt"

    @property
    def error(self) -> Path:
        """Why the run ended, if it failed: kind and message."""
        return self.path / "error.json"

    @property
    def owner(self) -> Path:
        """Held by the process that executes the run: trains it, then registers its model."""
        return self.path / "owner.lock"

    @property
    def lock(self) -> Path:
        """Held by the running process, so that a folder never has two."""
        return self.path / "lock"

    def write_inputs(
        self,
        settings: RunSettings,
        corpus: Mapping[str, str],
        train: Sequence[Question],
        heldout: Sequence[Question],
    ) -> None:
        """
        Fill a new run folder. The settings are written last, so a folder with settings is complete.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        write_lines(self.corpus, ({"id": name, "text": text} for name, text in corpus.items()))
        for path, questions in ((self.train, train), (self.heldout, heldout)):
            write_lines(path, map(_row, questions))
        value = vars(settings) | {"options": settings.options.as_json()}
        write_json(self.settings, value)

    def move_settings(self, *, base: str, twins: str) -> None:
        """Let a run that was created on another machine find its base model on this one."""
        value = json.loads(self.settings.read_text(encoding="utf-8"))
        write_json(self.settings, value | {"base": base, "twins": twins})

    def read_settings(self) -> RunSettings:
        """What the run was asked to do."""
        value = json.loads(self.settings.read_text(encoding="utf-8"))
        options = TrainOptions.from_json(value.pop("options"))
        return RunSettings(**value, options=options)

    def write_known(self, names: Sequence[str], vectors: NDArray[np.float16]) -> None:
        """
        Store vectors of the base's index by the sha256 of their windows.

        :param vectors: *Shape:* ``(w, d)``
        """
        write_staged(
            self.known, lambda file: np.savez(file, names=np.array(names), vectors=vectors)
        )

    def read_known(self) -> dict[str, NDArray[np.float16]]:
        """The vectors of `write_known`, or nothing. *Shape of each:* ``(d,)``"""
        if not self.known.is_file():
            return {}
        with np.load(self.known) as stored:
            return dict(zip(stored["names"].tolist(), stored["vectors"], strict=True))

    def read_corpus(self) -> dict[str, str]:
        """Passages by id."""
        return {row["id"]: row["text"] for row in read_lines(self.corpus)}

    def read_questions(self, path: Path) -> list[Question]:
        """The questions of `train` or `heldout`."""
        return [
            Question(
                row["question"],
                *(tuple(row.get(name, ())) for name in ("passages", "wrong", "also")),
            )
            for row in read_lines(path)
        ]


def _row(question: Question) -> dict[str, Any]:
    others = {name: list(getattr(question, name)) for name in ("wrong", "also")}
    found = {name: passages for name, passages in others.items() if passages}
    return {"question": question.text, "passages": list(question.passages), **found}


def last_lines(path: Path, count: int, *, most_bytes: int = 20_000) -> str:
    """The end of a text file, or nothing if there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - most_bytes))
        text = file.read().decode(errors="replace")
    # A progress bar writes over its line: what it wrote last is what a person would see.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.splitlines(keepends=False)]
    return "\n".join(lines[-count:])


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store one JSON object a line, staged."""

    def write(file: IO[bytes]) -> None:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

    write_staged(path, write)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines. A last line that is still being written is left out."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
