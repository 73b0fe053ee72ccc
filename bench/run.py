"""
Everything that is measured: `make bench`, or `python -m bench.run --only NAME` for one module.

Prints a table and writes bench/results.json: a list of rows with name, value, unit, goal, which
way is better, and how it was measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import Any

MODULES = ("retrieval_check", "citations", "ingest", "question", "training", "peers")
RESULTS = Path(__file__).with_name("results.json")


def met(row: dict[str, Any]) -> bool | None:
    """Whether a row reaches its goal; None where it has none."""
    if row["goal"] is None:
        return None
    reached = row["value"] >= row["goal"]
    return bool(reached if row["better"] == "higher" else row["value"] <= row["goal"])


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | value | goal | met |", "|---|---|---|---|"]
    for row in rows:
        sign = "≥" if row["better"] == "higher" else "≤"
        goal = "" if row["goal"] is None else f"{sign} {row['goal']}"
        mark = {True: "yes", False: "no", None: ""}[met(row)]
        lines.append(f"| {row['name']} | {row['value']:.3f} {row['unit']} | {goal} | {mark} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=MODULES, help="measure one module alone")
    only = parser.parse_args().only
    rows: list[dict[str, Any]] = []
    for name in [only] if only else MODULES:
        found = importlib.import_module(f"bench.{name}").rows()
        print(f"{name}: {len(found)} rows" if found else f"{name}: skipped, its data is absent")
        rows += found
    print(table(rows))
    if not only:
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
