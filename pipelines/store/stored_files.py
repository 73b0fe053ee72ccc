"""
Rows of `stored_file`: whole folders of files, cut into parts.

A folder is stored in one transaction, so it is there whole or not at all. Only one part is in
memory at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pipelines.errors import ArtifactError
from pipelines.store.db import Connection

PART_BYTES = 4_000_000


def run_folder(run_id: int) -> str:
    """The name under which the inputs of a training run are stored."""
    return f"run {run_id}"


def put(conn: Connection, folder: str, files: Mapping[str, Path]) -> bool:
    """
    Store a folder unless it is there.

    :param files: The files by their path inside the folder.
    :returns: Whether this call stored it.
    """
    with conn.transaction():
        # Processes that store the same folder at the same time wait for each other.
        conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 2))", (folder,))
        if size_of(conn, folder) is not None:
            return False
        for name, path in files.items():
            _put_file(conn, folder, name, path)
    return True


def _put_file(conn: Connection, folder: str, name: str, path: Path) -> None:
    with path.open("rb") as file:
        part = 0
        # An empty file has one empty part.
        while (content := file.read(PART_BYTES)) or part == 0:
            conn.execute(
                "insert into stored_file (folder, name, part, content) values (%s, %s, %s, %s)",
                (folder, name, part, content),
                binary=True,
            )
            part += 1


def fetch(conn: Connection, folder: str, into: Path) -> bool:
    """
    Write the files of a folder into a new one on the disk.

    :returns: False if the database does not have it.
    :raises ArtifactError: A stored name leads out of the folder.
    """
    rows = conn.execute(
        "select name, max(part) from stored_file where folder = %s group by name order by name",
        (folder,),
    ).fetchall()
    for name, last in rows:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ArtifactError(f"The database names a file {name!r} of {folder}.")
        _fetch_file(conn, folder, name, last, into / path)
    return bool(rows)


def _fetch_file(conn: Connection, folder: str, name: str, last: int, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for part in range(last + 1):
            row = conn.execute(
                "select content from stored_file where folder = %s and name = %s and part = %s",
                (folder, name, part),
                binary=True,
            ).fetchone()
            if row is None:
                raise ArtifactError(f"The database lacks a part of {name} of {folder}.")
            file.write(row[0])


def size_of(conn: Connection, folder: str) -> int | None:
    """The size of a folder in bytes, or None if it is not stored."""
    row = conn.execute(
        "select sum(octet_length(content))::bigint from stored_file where folder = %s", (folder,)
    ).fetchone()
    return None if row is None else row[0]


def sizes(conn: Connection) -> dict[str, int]:
    """The size in bytes of every stored folder."""
    return dict(
        conn.execute(
            "select folder, sum(octet_length(content))::bigint from stored_file group by folder"
        ).fetchall()
    )


def remove(conn: Connection, folder: str) -> None:
    """Delete a folder. Nothing happens if it is not stored."""
    conn.execute("delete from stored_file where folder = %s", (folder,))
