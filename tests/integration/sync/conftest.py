"""A folder, a website, and the program that follows them."""

from __future__ import annotations

import pytest

from app.services import open_services
from app.settings import Settings
from tests.site import Reply, Site, serving


@pytest.fixture
def environment(dsn, tiny_model, tmp_path):
    return {
        "DATABASE_URL": dsn,
        "ATTUNE_HOME": str(tmp_path / "home"),
        "ATTUNE_BASE_MODEL": str(tiny_model),
        "ATTUNE_SOURCE_NETWORKS": "127.0.0.1",
        "ATTUNE_SOURCE_DELAY_S": "0",
        "ATTUNE_DEVICE": "cpu",
    }


@pytest.fixture
def services(dsn, tiny_model, tmp_path):
    given = {"home": tmp_path / "home", "DATABASE_URL": dsn, "base_model": str(tiny_model)}
    settings = Settings(device="cpu", source_networks="127.0.0.1", source_delay_s=0, **given)
    with open_services(settings) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    for name in ("one", "two", "three", "four", "five", "six"):
        (folder / f"{name}.md").write_text(f"# The {name}\n\nThe harbour {name} has {name} ships.")
    (folder / "deep" / "seven.txt").write_text("The lamp of the seventh harbour is green.")
    return folder


@pytest.fixture
def site():
    site = Site()
    site.page("/docs/", "The start of the guide.", "a.html", "b.html", "/other/", "c.pdf")
    site.page("/docs/a.html", "Ships leave the harbour at noon.", "deep/d.html", "./")
    site.page("/docs/b.html", "The lamp is green.")
    site.page("/docs/deep/d.html", "Below the surface it is quiet.")
    site.page("/other/", "Not part of the guide.")
    site.pages["/docs/c.pdf"] = Reply(b"%PDF-1.4 and then nothing", "application/pdf")
    with serving(site):
        yield site
