"""
Known holes in the pinned packages: `python -m tests.audit`, or `make audit`.

pip-audit says "no known vulnerabilities" and ends with 0 where it could look up nothing. Here a
package that was skipped counts like one with a hole.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
# Packages that no index lists, by what they are.
OURS = frozenset(["attune"])


def judge(report: dict[str, Any]) -> tuple[list[str], str]:
    """
    What is wrong, by a report of `pip-audit --format json`.

    :returns: A line for each fault, and a summary. No lines mean that all was looked up and is
        free of known holes.
    """
    found = [one for one in report.get("dependencies", []) if one["name"] not in OURS]
    faults = []
    for one in found:
        if "skip_reason" in one:
            faults.append(f"{one['name']}: not looked up: {one['skip_reason']}")
        for hole in one.get("vulns", []):
            fixed = ", ".join(hole.get("fix_versions", [])) or "none yet"
            faults.append(f"{one['name']} {one['version']}: {hole['id']}, fixed in {fixed}")
    if not found:
        faults.append("no package was looked up")
    skipped = sum("skip_reason" in one for one in found)
    return faults, f"{len(found) - skipped} of {len(found)} packages looked up"


def main() -> None:
    """Audit the pinned packages, print what is wrong, and end with 1 if anything is."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off",
               "--no-deps", "--disable-pip", "--requirement", str(CONSTRAINTS)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        faults, summary = judge(json.loads(done.stdout))
    except ValueError:
        raise SystemExit(f"pip-audit did not report: {done.stderr.strip()[-2000:]}") from None
    print(*faults, summary, sep="\n")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
