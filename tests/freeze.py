"""
Searches for freezes: `python -m tests.freeze`, about an hour on two cores, not part of `make test-all`.

The model has its CPU twin, and busy loops run. Forty files of one line are ingested again and
again, by the command and by a worker, and a starting server is asked three questions at once. A run
that has not ended in time counts as frozen. It is killed, and the next one begins.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg

from app import queue
from bench.load import Seen, Visitor
from pipelines.indexing import queued
from pipelines.store import chunks, db, document_list, jobs
from pipelines.store.embedded import EmbeddedPostgres
from pipelines.store.ids import JobId
from tests.serving import ATTUNE, Served

COLLECTION = "freeze"
FILES, QUESTIONS = 40, 3
# How often each is done, unless --runs says otherwise.
RUNS = {"ingest": 60, "worker": 20, "server": 30}
PLACES = ("river", "garden", "castle", "harbour", "forest", "meadow", "mill", "tower")


class Bench:
    """A data folder with a twin, files to ingest, and the longest time of a run."""

    def __init__(self, home: Path, within_s: float) -> None:
        self.home, self._within_s = home, within_s
        # As many threads as there are cores: that is how people run it.
        self.server = Served(home, OMP_NUM_THREADS="2")
        del self.server.environment["ATTUNE_THREADS"]
        self._notes = home / "notes"

    def prepare(self) -> None:
        """Write the files, and ingest a large one, before which the twin is built."""
        self._notes.mkdir(parents=True, exist_ok=True)
        for n in range(FILES):
            (self._notes / f"note_{n}.txt").write_text(f"Crane {n} lifts {n % 9 + 1} tonnes.\n")
        if not any((self.home / "cache" / "openvino").glob("*/verdict.json")):
            large = self.home / "large.txt"
            large.write_text("\n\n".join(_passage(n) for n in range(1000)))
            self.server.run("ingest", "--collection", "large", str(large), within_s=1800)
        assert any((self.home / "cache" / "openvino").glob("*/document.xml")), "there is no twin"

    def ingest(self, dsn: str) -> bool:
        """Run `attune ingest` on all files."""
        line = ["ingest", "--recursive", "--collection", COLLECTION, str(self._notes)]
        return self._ends(line, lambda: _indexed(dsn) == FILES)

    def worker(self, dsn: str) -> bool:
        """Let a worker run one ingest job with all files."""
        with psycopg.connect(dsn) as conn:
            put = [
                queued.put(
                    conn,
                    source=path.name,
                    title=path.name,
                    content=path.read_bytes(),
                    collection=COLLECTION,
                ).document_id
                for path in self._notes.iterdir()
            ]
            job_id = queue.defer_in(conn, "ingest", who="freeze", document_ids=put)

        def done() -> bool:
            return _status(dsn, job_id) == "succeeded" and _indexed(dsn) == FILES

        return self._ends(["worker", "--queues", "documents"], done, ends_itself=False)

    def ask(self, _: str) -> bool:
        """Start a server, and ask it three questions as soon as it is ready."""
        self.server.start(within_s=2 * self._within_s)
        try:
            asyncio.run(asyncio.wait_for(_ask(self.server.url), self._within_s))
            return True
        except (TimeoutError, httpx.HTTPError) as error:
            print(f"  {type(error).__name__}: {error}")
            return False
        finally:
            try:
                self.server.stop()
            except subprocess.TimeoutExpired:
                print("  SIGTERM did not end it")

    def _ends(self, line: list[str], done: Callable[[], bool], *, ends_itself: bool = True) -> bool:
        """Whether a command ends in time. Otherwise it is killed with all its children."""
        with (self.home / "command.log").open("wb") as log:
            process = subprocess.Popen(
                [ATTUNE, *line],
                env=self.server.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + self._within_s
        try:
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    return process.returncode == 0 and done()
                if not ends_itself and done():
                    process.send_signal(signal.SIGTERM)
                    process.wait(30)
                    return True
                time.sleep(0.2)
            return False
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _passage(n: int) -> str:
    words = (f"the {PLACES[(n * k) % 8]} of {n * k % 97} coins" for k in range(1, 30))
    return f"Station {n}. " + " and ".join(words) + "."


def _indexed(dsn: str) -> int:
    with psycopg.connect(dsn) as conn:
        listed = document_list.list_all(conn, collection=COLLECTION)
    return sum(row.document.status == "indexed" for row in listed)


def _status(dsn: str, job_id: JobId) -> str:
    with psycopg.connect(dsn) as conn:
        job = jobs.get(conn, job_id)
    assert job is not None
    return job.status


def _clear(dsn: str) -> None:
    """Delete the documents that a run has ingested."""
    with psycopg.connect(dsn) as conn:
        for row in document_list.list_all(conn, collection=COLLECTION):
            chunks.delete_document(conn, row.document.id)


async def _ask(url: str) -> None:
    visitors = [Visitor(url, Seen()) for _ in range(QUESTIONS)]

    async def one(visitor: Visitor) -> None:
        try:
            await visitor.come()
            await visitor.ask("How do I add documents?")
        finally:
            await visitor.leave()

    await asyncio.gather(*map(one, visitors))


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Processes in endless loops that use the machine's cores."""
    with ExitStack() as stack:
        for _ in range(count):
            loop = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(loop.kill)
        yield


def main() -> None:
    """Do the requested runs and print how many have ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", help=f"of {', '.join(RUNS)}; default: all")
    parser.add_argument("--runs", type=int, help="how often; default: 60, 20 and 30")
    parser.add_argument("--busy", type=int, default=4, help="busy loops")
    parser.add_argument("--within-s", type=float, default=240, help="longest time of a run")
    parser.add_argument("--home", type=Path, help="a folder to keep, with its twin")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attune-") as folder:
        home = given.home or Path(folder)
        bench = Bench(home, given.within_s)
        bench.prepare()
        kinds = {"ingest": bench.ingest, "worker": bench.worker, "server": bench.ask}
        with EmbeddedPostgres(home / "db") as embedded, _busy(given.busy):
            db.migrate(embedded.dsn)  # a home that was kept may be older
            _clear(embedded.dsn)
            for name in given.what or RUNS:
                ended, count, began = 0, given.runs or RUNS[name], time.monotonic()
                for number in range(1, count + 1):
                    ended += kinds[name](embedded.dsn)
                    _clear(embedded.dsn)
                    print(f"{name}: {ended} of {number} end", flush=True)
                each = (time.monotonic() - began) / count
                print(f"{name}: {ended} of {count} end, {each:.0f} s each", flush=True)


if __name__ == "__main__":
    main()
