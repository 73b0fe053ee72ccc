"""Styles as Gradio takes them: it splits every selector at its commas and prefixes the parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SHEETS = sorted((Path(__file__).resolve().parents[2] / "app").rglob("*.css"))
SELECTORS = re.compile(r"(?:^|[{}])\s*([^{}@]+?)\s*\{")


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_rule_is_one_that_gradio_breaks(sheet):
    """No comma is inside parentheses, and `.dark` begins a rule alone."""
    css = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = [
        selector
        for selector in SELECTORS.findall(css)
        if re.search(r"\([^()]*,[^()]*\)", selector) or re.search(r",\s*\.dark\b", selector)
    ]
    assert broken == []
