"""
The CPU time of reading the zoo's PDFs, without OCR, beside what PDFium alone takes for their text.

`python -m bench.pdfs CHECKOUT` compares it file by file with another checkout of this repository,
in turn. For example the one from before tables, forms and layers were read:
`git worktree add ../before 173a75d`, then `python -m bench.pdfs ../before`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.zoo import ZOO

HERE = Path(__file__).resolve().parents[1]
ROUNDS = 3
MOST_OVER_PDFIUM = 2.0
MOST_OVER_BEFORE = 1.5

# It runs in a process of its own with the packages of a checkout, whose folders may have other names.
PROGRAM = """
import importlib, json, logging, pathlib, sys, time
logging.disable(logging.ERROR)
import pypdfium2

def load(*names):
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            pass

reader = load("pipelines.indexing.readers.read", "pipelines.readers.read")
limits = load("pipelines.indexing.converted", "pipelines.convert")
limits = getattr(limits, "ReadLimits", None) or limits.Limits
for name in ("ocr.engine", "pdf.document", "pdf.scans"):
    if module := load("pipelines.indexing.readers." + name):
        module.engine_name = lambda: None

def alone(data):
    with pypdfium2.PdfDocument(data) as document:
        for page in document:
            page.get_textpage().get_text_range()
            page.close()

def whole(data):
    reader.read(data, "application/pdf", limits())

def cpu_s(act, data):
    started = time.process_time()
    try:
        act(data)
    except Exception:
        pass
    return time.process_time() - started

files = [(path.name, path.read_bytes()) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.pdf"))]
cpu_s(whole, files[0][1])
print(json.dumps({name: [cpu_s(whole, data), cpu_s(alone, data)] for name, data in files}))
"""


def measured(checkout: Path, folder: Path) -> dict[str, list[float]]:
    """The CPU seconds of each file, read whole and by PDFium alone. One round in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
    )
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def best(rounds: list[dict[str, list[float]]]) -> dict[str, tuple[float, float]]:
    """The least of each time over all rounds: what else runs only adds to it."""
    return {
        name: (min(one[name][0] for one in rounds), min(one[name][1] for one in rounds))
        for name in rounds[0]
    }


def rows() -> list[dict[str, Any]]:
    """What reading costs over PDFium's part of it."""
    folder = ZOO / "pdf"
    if not folder.is_dir():
        return []
    times = best([measured(HERE, folder) for _ in range(ROUNDS)])
    whole, alone = (sum(each) for each in zip(*times.values(), strict=True))
    how = f"{len(times)} files, least of {ROUNDS} rounds: {whole:.2f} against {alone:.2f} s of CPU"
    return [
        {
            "name": "PDFs of the zoo: reading over PDFium's text alone",
            "value": round(whole / alone, 3),
            "unit": "x",
            "goal": MOST_OVER_PDFIUM,
            "better": "lower",
            "how": how,
        }
    ]


def main() -> None:
    """Print each file's time here and in another checkout."""
    before, folder = Path(sys.argv[1]).resolve(), ZOO / "pdf"
    pairs = [(measured(before, folder), measured(HERE, folder)) for _ in range(ROUNDS)]
    theirs, ours = best([old for old, _ in pairs]), best([new for _, new in pairs])
    for name, (own, _) in sorted(ours.items(), key=lambda one: -one[1][0]):
        print(f"{name:40} {theirs[name][0]:8.3f} {own:8.3f} s  {own / theirs[name][0]:5.2f} x")
    old, new = sum(one for one, _ in theirs.values()), sum(one for one, _ in ours.values())
    print(f"{'all':40} {old:8.3f} {new:8.3f} s  {new / old:5.2f} x (goal: {MOST_OVER_BEFORE:g})")


if __name__ == "__main__":
    main()
