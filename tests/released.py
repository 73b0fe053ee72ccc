"""
What each release left on a disk, for tests of upgrades: `tests/releases/VERSION.tar.gz`.

An archive holds `dump.sql`, the whole database, and `models/`, the files of its versions, each under
its sum. `python -m tests.released` makes the one of the code that is checked out: three documents,
pairs, a tuned version that serves, its base, and a conversation.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path

import psycopg

from app.actions.backup import postgres
from pipelines.embedder.model_files import Manifest
from pipelines.store import chats
from pipelines.store.embedded import EmbeddedPostgres
from tests.fakes import build_tiny_model

FOLDER = Path(__file__).with_name("releases")
VISITOR = "somebody"
QUESTION = "How often is the valve of the boiler tested?"
ANSWER = "It is tested every 14 weeks [1]."
TEXTS = {
    "boiler.md": "# Boiler\n\nThe valve of the boiler is tested every 14 weeks by the caretaker. "
    "The test is noted in the book beside the door.\n\n## Water\n\nThe pressure of the water is "
    "between 1.5 and 2 bar. Below 1 bar the boiler stops by itself.\n",
    "garden.md": "# Garden\n\nThe hedge is cut in February and in August. The lawn is mown every "
    "other week from April to October.\n\n## Tools\n\nThe ladder hangs in the cellar.\n",
    "parking.md": "# Parking\n\nEach flat has one space. Visitors park in front of the house.\n",
}
# What `attune models promote` asks for where nothing was compared.
REASON = "made for the tests of upgrades"


def make(target: Path) -> None:
    """Make the archive of the installed release."""
    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        home = Path(folder)
        base = build_tiny_model(home / "base")
        copy = home / "models" / Manifest.of(base).sha256
        texts, pairs = home / "texts", home / "pairs.csv"
        texts.mkdir()
        for name, text in TEXTS.items():
            (texts / name).write_text(text)
        pairs.write_text("question,passage\n" + "".join(_pairs()))
        with EmbeddedPostgres(home / "db") as server:
            _attune(home, base, "ingest", str(texts / "boiler.md"), str(texts / "parking.md"))
            _attune(home, base, "pairs", "import", str(pairs))
            _attune(home, base, "train", "--pairs", str(pairs), "--method", "query", "--name", "v1")
            _attune(home, base, "models", "promote", "v1", "--override", REASON, "--yes")
            _attune(home, base, "ingest", str(texts / "garden.md"))
            with psycopg.connect(server.dsn) as conn:
                _talk(conn)
            shutil.copytree(base, copy, dirs_exist_ok=True)
            _dump(server.dsn, home / "dump.sql")
        target.parent.mkdir(exist_ok=True)
        with tarfile.open(target, "w:gz") as archive:
            archive.add(home / "dump.sql", "dump.sql")
            archive.add(home / "models", "models")


def _pairs() -> list[str]:
    sentences = [s for text in TEXTS.values() for s in text.split(". ") if len(s) > 20]
    return [f'"What of {s.split()[-2]} {i}?","{s}"\n' for i, s in enumerate(sentences)]


def _talk(conn: psycopg.Connection) -> None:
    conversation = chats.start(conn, VISITOR, QUESTION)
    chats.add(conn, conversation, role="user", text=QUESTION)
    chats.add(conn, conversation, role="assistant", text=ANSWER, kind="extracts", model_name="v1")


def _attune(home: Path, base: Path, *arguments: str) -> None:
    environment = os.environ | {"ATTUNE_HOME": str(home), "ATTUNE_BASE_MODEL": str(base)}
    subprocess.run([sys.executable, "-m", "app.cli.main", *arguments], env=environment, check=True)


def _dump(dsn: str, target: Path) -> None:
    subprocess.run([postgres.program("pg_dump"), "--no-owner", "--file", target, dsn], check=True)


if __name__ == "__main__":
    make(FOLDER / f"{metadata.version('attune')}.tar.gz")
