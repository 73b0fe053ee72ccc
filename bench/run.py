"""
Runs all benches: `make bench`, or `python -m bench.run --only NAME` for one module.

Writes bench/results.json, a list of rows with module, name, value, unit, goal, the better
direction, and the method. The tables in docs/performance.md are made from it. A module whose data
is absent is skipped, and its rows stay as they were.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
from pathlib import Path
from typing import Any

# Each module and the heading of its table.
MODULES = {
    "retrieval_check": "Finding passages",
    "citations": "Citations",
    "answers": "Answers without a language model",
    "zoo": "A folder of real and broken files",
    "reading": "Kinds of files",
    "pdfs": "Reading PDFs",
    "encode": "Embedding on a CPU",
    "ingest": "Taking files in",
    "question": "A question at 100,000 windows",
    "scale": "100,000 windows of real pages",
    "growth": "Growth",
    "training": "Training",
    "start": "Starting",
    "load": "Many people at once",
    "peers": "Beside peers",
}
RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).resolve().parents[1] / "docs/performance.md"
START, END = "<!-- results -->", "<!-- /results -->"


def met(row: dict[str, Any]) -> bool | None:
    """Whether a row reaches its goal, or None without one."""
    if row["goal"] is None:
        return None
    reached = row["value"] >= row["goal"]
    return bool(reached if row["better"] == "higher" else row["value"] <= row["goal"])


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | value | goal | met | how |", "|---|---|---|---|---|"]
    for row in rows:
        sign = "≥" if row["better"] == "higher" else "≤"
        goal = "" if row["goal"] is None else f"{sign} {row['goal']:g}"
        mark = {True: "yes", False: "no", None: ""}[met(row)]
        value = f"{row['value']:.4g} {row['unit']}".strip()
        lines.append(f"| {row['name']} | {value} | {goal} | {mark} | {row['how']} |")
    return "\n".join(lines)


def tables(rows: list[dict[str, Any]]) -> str:
    """All rows, with a heading and a table for each module."""
    parts = []
    for module, heading in MODULES.items():
        own = [row for row in rows if row["module"] == module]
        if own:
            command = f"`python -m bench.run --only {module}`"
            parts.append(f"### {heading}\n\n{command}\n\n{table(own)}")
    return "\n\n".join(parts)


def page(text: str, rows: list[dict[str, Any]]) -> str:
    """The page with new tables between its markers."""
    between = re.compile(f"{re.escape(START)}.*{re.escape(END)}", re.DOTALL)
    return between.sub(lambda _: f"{START}\n{tables(rows)}\n{END}", text)


def store(module: str, fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace a module's rows in the file and on the page, and return all rows."""
    kept = [row for row in json.loads(RESULTS.read_text()) if row["module"] != module]
    rows = kept + [{"module": module, **row} for row in fresh]
    rows.sort(key=lambda row: list(MODULES).index(row["module"]))
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=MODULES, help="measure one module alone")
    parser.add_argument(
        "--large", action="store_true", help="growth up to 500,000 windows: many minutes more"
    )
    parser.add_argument("--home", type=Path, help="keeps the index of `answers` for the next run")
    parser.add_argument(
        "--peers",
        type=Path,
        help="for `reading`: a Python with markitdown, unstructured or docling",
    )
    given = parser.parse_args()
    for name in [given.only] if given.only else MODULES:
        measure = importlib.import_module(f"bench.{name}").rows
        options = {
            "growth": {"large": given.large},
            "answers": {"home": given.home},
            "reading": {"peers": given.peers},
        }
        found = measure(**options.get(name, {}))
        if not found:
            print(f"{name}: skipped, its data is absent", flush=True)
            continue
        print(f"{name}:\n{table(found)}", flush=True)
        store(name, found)


if __name__ == "__main__":
    main()
