"""What the documents say of settings and commands is what the code has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import typer

from app.cli.main import app
from app.settings import Settings
from app.settings_table import COMMON, settings_table
from bench import run
from pipelines.indexing.readers import kinds
from training.evaluation.figures.glossary import meaning

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _between(page: str, name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page, re.S)
    assert found is not None
    return found.group(1)


def test_the_settings_pages_list_every_setting_as_it_is():
    """The tables between the markers are the code's own. Paste them from the failure."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert _between(page, "settings") == settings_table()
    assert _between(README, "settings") == settings_table(COMMON)


def test_the_handbook_lists_the_kinds_of_files_that_are_read():
    """The table between the markers is the code's own. Paste it from the failure."""
    page = (ROOT / "docs" / "handbook" / "documents.md").read_text(encoding="utf-8")
    assert _between(page, "kinds") == kinds.table()


def test_the_tree_in_the_readme_names_every_folder():
    """A newcomer finds each package and each of its folders there, and nothing else."""
    named, top = set(), ""
    for line in _between(README, "tree").splitlines():
        folders = re.findall(r"(?<![\w/])([a-z_]+)/(?=\s)", line[:21])
        if folders and not line.startswith(" "):
            top = folders[0]
            named.add(top)
        else:
            named |= {f"{top}/{folder}" for folder in folders}
    found = {"tests", "bench", "docs"}
    for package in ("app", "training", "pipelines"):
        parts = (path.parent for path in (ROOT / package).glob("*/__init__.py"))
        found |= {package} | {f"{package}/{part.name}" for part in parts}
    assert named == found


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
