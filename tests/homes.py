"""
Data folders that a server finds ready: the handbook is read, and documents, if given.

Reading the handbook takes longer than most browser tests, and building an accelerated twin as long
again. So each such folder is made once in a run of the tests, whichever process needs it first. The
servers get copies, and no twin is wanted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from app.actions.ingest import open_ingester
from app.handbook import index_handbook
from app.services import Services, open_services
from app.settings import Settings
from pipelines.embedder import cpu_twin
from pipelines.embedder.cpu_twin import TwinReport
from pipelines.indexing.incoming import Incoming
from pipelines.store import active
from tests import scratch
from tests.forking import fork

# Writes documents into a folder and returns their paths.
Documents = Callable[[Path], list[Path]]
MAKE_S = 600


def ready(documents: Documents | None = None) -> Path:
    """Make a data folder of one's own. Whoever asks removes it."""
    home = scratch.folder()
    _copy(_made(documents), home)
    return home


def _made(documents: Documents | None) -> Path:
    name = "handbook" if documents is None else f"{documents.__module__}.{documents.__qualname__}"
    home = scratch.shelf() / name
    with FileLock(f"{home}.lock"):
        if not home.is_dir():
            begun = home.with_name(f"{name}.begun")
            shutil.rmtree(begun, ignore_errors=True)  # of an attempt that failed
            begun.mkdir()
            if documents is not None:
                _copy(_made(None), begun)
            # In a process of its own, because no event loop can run beside a browser.
            log = home.with_name(f"{name}.log")
            child = fork(_make, begun, documents, environment=_environment(), out=log)
            assert child.wait(MAKE_S) == 0, log.read_text(errors="replace")
            begun.rename(home)
    return home


def _copy(source: Path, target: Path) -> None:
    # As it is, because the database is owned by an account of its own.
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)


def _make(home: Path, documents: Documents | None) -> None:
    with open_services(Settings(home=home), pool_size=2) as services:
        if documents is None:
            index_handbook(services)
            _refuse_twin(services)
            return
        (home / "in").mkdir()
        files = [Incoming.from_path(path) for path in documents(home / "in")]
        with open_ingester(services) as ingester:
            for outcome in ingester.ingest_many(files):
                assert outcome.status == "indexed", outcome


def _refuse_twin(services: Services) -> None:
    """Leave the verdict of a twin that was built and is not used."""
    with services.pool.connection() as conn:
        sha256 = active.serving(conn).model.manifest_sha256
    assert sha256 is not None
    folder = cpu_twin.folder_for(services.options.cache, sha256)
    folder.mkdir(parents=True)
    verdict = TwinReport(usable=False, reason="not wanted here")
    (folder / cpu_twin.VERDICT).write_text(json.dumps(asdict(verdict)))


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
