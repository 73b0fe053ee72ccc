"""What the documents say of settings and commands is what the code has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import typer

from app.cli.main import app
from app.settings import Settings, settings_table
from bench import run
from training.evaluation.figures.glossary import meaning

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_lists_every_setting_as_it_is():
    """The table between the markers is the code's own; paste it from the failure."""
    found = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", README, re.S)
    assert found is not None
    assert found.group(1) == settings_table()


def test_the_glossary_says_what_the_pages_say():
    """One meaning for a term, wherever it is read."""
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    for term in ("hit@5", "MRR@10", "NDCG@10", "held-out", "hybrid", "interval"):
        assert f"| {term} | {meaning(term)} |" in glossary


def test_every_setting_says_what_it_does():
    assert all(field.description for field in Settings.model_fields.values())


def _commands(group: typer.Typer) -> set[str]:
    command = typer.main.get_command(group)
    names = set()
    for name, sub in getattr(command, "commands", {}).items():
        if sub.hidden:  # it is for the program itself
            continue
        names |= {f"{name} {x}" for x in getattr(sub, "commands", {})} or {name}
    return names


def test_readme_names_every_command():
    """A command nobody can find in the README does not exist for a newcomer."""
    shown = set(re.findall(r"`attune ([a-z-]+(?: [a-z|-]+)?)", README.replace(chr(92), "")))
    listed = set()
    for entry in shown:
        group, _, subs = entry.partition(" ")
        listed |= {f"{g} {s}" for g in group.split("|") for s in subs.split("|") if s}
        listed |= set(group.split("|"))
    assert _commands(app) - listed == set()


def test_links_between_documents_lead_somewhere():
    """Every relative link in the README and docs/ points at a file that exists."""
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_performance_page_holds_the_measured_results():
    """Its tables are those that `make bench` writes from bench/results.json."""
    page = run.PAGE.read_text(encoding="utf-8")
    rows = json.loads(run.RESULTS.read_text(encoding="utf-8"))
    assert {row["module"] for row in rows} <= set(run.MODULES)
    assert run.START in page
    assert run.page(page, rows) == page
