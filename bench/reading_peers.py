"""
Other readers on the files of `bench.reading`, with the same two questions to each: is the figure in
the text, and in the order of the file?

`python -m bench.run --only reading --peers PYTHON`: a Python with markitdown, unstructured or
docling, in an environment of its own. Those that it lacks are left out. No model is downloaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.reading_files import NOTE, ROW, Content, Sample

PEERS = ("markitdown", "unstructured", "docling")
WHOLE_S = 900
# What unstructured says of spaCy's, without which it splits no text.
WANTS_MODEL = "Failed to download spaCy model"
START, END = "<!-- peers -->", "<!-- /peers -->"


@dataclass(frozen=True)
class Score:
    """
    What one reader made of all files.

    :param right: Files of which all figures are in the text, in order.
    :param figures: Figures in the text.
    :param refused: Files that it did not read at all.
    """

    name: str
    right: int
    files: int
    figures: int
    of_figures: int
    refused: int
    lacking: tuple[str, ...]


def score(name: str, files: list[tuple[Sample, Content]], texts: dict[str, str]) -> Score:
    """
    Judge a reader.

    :param texts: What it read of each file, by the format's name. Refused ones are absent.
    """
    figures = 0
    lacking = []
    for sample, content in files:
        text = texts.get(sample.name, "")
        figures += sum(content.values[kind] in text for kind in sample.kinds)
        if not is_right(sample, content, text):
            lacking.append(sample.name)
    of_figures = sum(len(sample.kinds) for sample, _ in files)
    refused = len(files) - len(texts)
    right = len(files) - len(lacking)
    return Score(name, right, len(files), figures, of_figures, refused, tuple(lacking))


def is_right(sample: Sample, content: Content, text: str) -> bool:
    """Whether all figures of a file are in a text, in the order of the file."""
    # Notes stand where they are anchored, or at the end, and rows where a sheet of them is.
    ordered = [text.find(content.values[kind]) for kind in sample.kinds if kind not in (NOTE, ROW)]
    every = all(content.values[kind] in text for kind in sample.kinds)
    return every and ordered == sorted(ordered)


def scores(python: Path, files: list[tuple[Sample, Content]]) -> list[Score]:
    """Each peer that a Python has, on the files."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, (sample, content) in enumerate(files):
            # The format's name tells nothing: a reader goes by the ending.
            name = f"{number:02d}{sample.ending}"
            names[name] = sample.name
            (Path(folder) / name).write_bytes(sample.make(content))
        for peer in PEERS:
            told = _texts(python, peer, folder)
            if told is not None:
                texts = {names[name]: text for name, text in told["texts"].items()}
                found.append(score(f"{peer} {told['version']}", files, texts))
    return found


def _texts(python: Path, peer: str, folder: str) -> dict[str, dict[str, str]] | None:
    """What a peer reads, or None if this Python lacks the peer, or the peer lacks a model."""
    script = Path(__file__).with_name("peer_texts.py")
    lacks = subprocess.run([python, "-c", f"import {peer}"], capture_output=True, check=False)
    if lacks.returncode:
        print(f"{peer} is not installed in {python}")
        return None
    done = subprocess.run(
        [python, script, peer, folder],
        capture_output=True,
        text=True,
        timeout=WHOLE_S,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    if any(WANTS_MODEL in reason for reason in found["refused"].values()):
        print(f"{peer} is left out: it reads texts only after it has downloaded a model")
        return None
    return found


def table(every: list[Score]) -> str:
    """The scores as a Markdown table."""
    lines = [
        "| reader | files read right | figures in the text | files not read | not right |",
        "|---|---|---|---|---|",
    ]
    for one in every:
        lines.append(
            f"| {one.name} | {one.right} of {one.files} | {one.figures} of {one.of_figures}"
            f" | {one.refused} | {', '.join(one.lacking)} |"
        )
    return "\n".join(lines)


def write(page: Path, every: list[Score]) -> None:
    """Put the table on the page."""
    text = page.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    page.write_text(f"{before}{START}\n{table(every)}\n{END}{after}", encoding="utf-8")
