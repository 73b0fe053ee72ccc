"""
Small inputs after public bug reports: `python -m tests.cases [NAME ...]` ingests each and says what it found.

The folder is shared/cases next to the repository, or $ATTUNE_CASES. Each case.txt names texts that
must be stored, or must not be, and questions with the value expected in the answer. Where the folder
is absent, it says so and ends.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CASES = Path(__file__).resolve().parents[2] / "shared/cases"
LONGEST_S = 600

_QUOTED = r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\[.*?\])"
_STORED = re.compile(rf"^expected in stored text: {_QUOTED}", re.MULTILINE)
_ABSENT = re.compile(rf"^must not be in stored text: {_QUOTED}", re.MULTILINE)
_TOGETHER = re.compile(rf"^expected together in one (line|passage): {_QUOTED}", re.MULTILINE)
_HEADING = re.compile(rf"^expected as citation heading: {_QUOTED}", re.MULTILINE)
_ASKED = re.compile(rf"ask --json {_QUOTED}\s+expected in the answer: {_QUOTED}")


def attune(home: str, *arguments: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    done = subprocess.run(
        [Path(sys.executable).with_name("attune"), *arguments],
        env={**os.environ, "ATTUNE_HOME": home, "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    printed: dict[str, Any] = json.loads(done.stdout or "{}")
    return printed


def results(case: Path, home: str) -> Iterator[tuple[bool, str]]:
    """Each expectation of a case: whether it was met, and what it is."""
    said = (case / "case.txt").read_text(encoding="utf-8")
    name = case.name.lower()
    told = attune(home, "ingest", "-r", "--json", "--collection", name, str(case / "in"))
    passages: list[dict[str, Any]] = []
    for file in told.get("files", []):
        for line in filter(None, [file["reason"], *file["warnings"]]):
            yield True, f"said: {Path(file['path']).name}: {line}"
        if file["status"] == "indexed":
            shown = attune(home, "documents", "show", "--json", str(file["document_id"]))
            passages += shown["passages"]
    text = "\n".join(passage["text"] for passage in passages)
    for value in map(ast.literal_eval, _STORED.findall(said)):
        yield value in text, f"stored: {value}"
    for value in map(ast.literal_eval, _ABSENT.findall(said)):
        yield value not in text, f"not stored: {value}"
    for unit, listed in _TOGETHER.findall(said):
        units = text.split("\n") if unit == "line" else [p["text"] for p in passages]
        values = ast.literal_eval(listed)
        yield any(all(v in one for v in values) for one in units), f"in one {unit}: {values}"
    for value in map(ast.literal_eval, _HEADING.findall(said)):
        yield any(value in (p["heading"] or "") for p in passages), f"heading: {value}"
    for asked, value in _ASKED.findall(said):
        question, expected = ast.literal_eval(asked), ast.literal_eval(value)
        answer = attune(home, "ask", "--json", "--collection", name, question)
        yield expected in answer.get("answer", ""), f"answer: {question} -> {expected}"


def main() -> None:
    """Print every expectation, and how many were met."""
    folder = Path(os.environ.get("ATTUNE_CASES", CASES))
    if not folder.is_dir():
        print(f"skipped: there is no folder {folder}")
        return
    given = sys.argv[1:]
    cases = [
        c for c in sorted(folder.iterdir()) if (c / "case.txt").is_file() and (c / "in").is_dir()
    ]
    met = count = 0
    with tempfile.TemporaryDirectory(prefix="cases") as home:
        for case in cases:
            if given and not any(case.name.startswith(name) for name in given):
                continue
            print(case.name, flush=True)
            for is_met, what in results(case, home):
                met, count = met + is_met, count + 1
                print(f"  {'found    ' if is_met else 'NOT FOUND'} {what}", flush=True)
    print(f"{met} of {count} found")


if __name__ == "__main__":
    main()
