"""
A fleet under load: `make fleet`, or `python -m tests.fleet.run`.

Three web servers, two workers and a trainer, each with a home of its own, share one PostgreSQL
through PgBouncer, and an object store for the files of versions. Programs ask and write through a
load balancer the whole time. Meanwhile a version is trained, promoted and rolled back, every machine
is restarted one by one, each kind is killed, PgBouncer is killed, and the database crashes. Then what
the programs were told is compared with what the database holds.

Writes bench/fleet.json and the table in docs/architecture.md. Exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

from app.actions import keys
from app.actions.keys import KeyWish
from app.services import open_services
from app.settings import Settings
from bench.run import met, table
from tests.chaos import check as chaos_check
from tests.chaos.journal import Journal
from tests.chaos.observer import Observer, Seen
from tests.chaos.report import Live, row
from tests.chaos.site import Site
from tests.fakes import build_tiny_model
from tests.fleet import check
from tests.fleet.backing import ObjectStore, Postgres
from tests.fleet.clients import Asker, Balancer, Writer
from tests.fleet.machines import Fleet
from tests.fleet.phases import Facts, Run
from tests.fleet.plan import Plan
from tests.pgbouncer import Pooler

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "fleet.json"
PAGE = RESULTS.parents[1] / "docs" / "architecture.md"
START, END = "<!-- fleet -->", "<!-- /fleet -->"
POOLED = 30


@dataclass(frozen=True)
class Ground:
    """Where a fleet stands: its folder, and the services that its machines share."""

    home: Path
    postgres: Postgres
    pooler: Pooler
    store: ObjectStore

    @property
    def site(self) -> Site:
        """The database and the journals, as the observer and the checks of chaos take them."""
        return Site(self.postgres.dsn, self.home, ())

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every machine."""
        return {
            "DATABASE_URL": self.pooler.address,
            "ATTUNE_DIRECT_DATABASE_URL": self.postgres.dsn,
            "ATTUNE_ARTEFACTS": self.store.address,
            "ATTUNE_BASE_MODEL": str(self.home / "base" / "model"),
            "ATTUNE_DEVICE": "cpu",
            "ATTUNE_WINDOW_TOKENS": "64",
            "ATTUNE_WINDOW_STRIDE": "48",
            "ATTUNE_WORKER_THREADS": "1",
            **self.store.environment,
        }

    def settings(self) -> Settings:
        """The same settings for the machine from which the fleet is directed."""
        return Settings(
            home=self.home / "desk",
            DATABASE_URL=self.postgres.dsn,
            artefacts=self.store.address,
            base_model=str(self.home / "base" / "model"),
            device="cpu",
            window_tokens=64,
            window_stride=48,
            threads=1,
            log_level="error",
        )


@contextmanager
def prepared(home: Path) -> Iterator[Ground]:
    """The shared services, started, with an empty database and an empty bucket."""
    build_tiny_model(home / "base")
    (home / "journals").mkdir()
    with ExitStack() as stack:
        store = ObjectStore(home)
        stack.callback(store.close)
        store.start()
        os.environ.update(store.environment)
        postgres = Postgres(home / "db")
        postgres.start()
        stack.callback(postgres.close)
        pooler = Pooler(postgres.dsn, size=POOLED)
        stack.callback(pooler.close)
        pooler.start()
        yield Ground(home, postgres, pooler, store)


@contextmanager
def under_load(plan: Plan, journals: Path, balancer: Balancer, writer: Writer) -> Iterator[None]:
    """Programs that ask and write until the end."""
    stopping = threading.Event()
    programs: list[Callable[[threading.Event], None]] = [
        Asker(balancer, Journal(journals, f"asker{n}"), plan.ask_pause_s).run
        for n in range(plan.askers)
    ]
    with ThreadPoolExecutor(len(programs) + 1) as threads:
        running = [threads.submit(one, stopping) for one in (*programs, writer.run)]
        try:
            yield
        finally:
            stopping.set()
    for one in running:
        one.result()


def run(plan: Plan, live: Live, home: Path) -> list[dict[str, Any]]:
    """Do a whole run in a folder and return its rows."""
    live.phase("setting up")
    with prepared(home) as ground, ExitStack() as stack:
        fleet = Fleet(home, ground.environment, webs=plan.webs, workers=plan.workers)
        stack.callback(fleet.close)
        live.phase("start", "all together, on an empty database")
        together_s = fleet.start_together()
        services = stack.enter_context(open_services(ground.settings(), pool_size=4))
        wish = KeyWish("fleet", ("ask", "ingest", "admin"), per_minute=0)
        balancer = Balancer(fleet.webs, keys.make(services, wish, who="fleet"))
        stack.callback(balancer.close)
        phases = Run(plan, fleet, ground.postgres, ground.pooler, services, balancer, live)
        phases.facts.together_s = together_s
        with Observer(ground.site) as observer:
            writer = Writer(balancer, Journal(ground.site.journals, "writer"), plan.write_pause_s)
            writer.begin(plan.documents)
            phases.ingest()
            with under_load(plan, ground.site.journals, balancer, writer):
                phases.be_steady()
                phases.tune()
                phases.restart_one_by_one()
                phases.kill_webs()
                phases.kill_trainer()
                phases.kill_workers()
                phases.kill_pooler()
                phases.crash_database()
            phases.settle()
        with ground.postgres.connect() as conn:
            by_epoch, wrong = chaos_check.history(conn)
            facts = phases.facts
            answers = check.answers(ground.site.journals, conn, by_epoch, facts.killed)
            documents = check.documents(ground.site.journals, conn, facts.killed)
        for what in (*facts.failed, *wrong, *answers.failed, *answers.mixed, *answers.lost,
                     *documents.failed, *documents.lost, *documents.back):  # fmt: skip
            print(f"BROKEN: {what}")
        return [
            *_machine_rows(plan, facts, ground.store.names()),
            *_promise_rows(balancer, facts, answers, documents, observer.seen, wrong),
        ]


def _machine_rows(plan: Plan, facts: Facts, objects: list[str]) -> list[dict[str, Any]]:
    machines = plan.webs + plan.workers + 1
    kinds = ", ".join(name for name, _ in facts.killed)
    published = len({name.split("/")[-2] for name in objects if name.endswith("manifest.json")})
    return [
        row("machines that start together on an empty database", machines, "", machines,
            f"{plan.webs} web servers, {plan.workers} workers, 1 trainer, each with its own home;"
            f" all ready after {facts.together_s:.0f} s", better="higher"),
        row("versions trained and promoted", len(facts.trained), "", 2,
            f"by the trainer alone; {published} versions in the object store", better="higher"),
        row("promotions and rollbacks", facts.swaps, "", None, "under load, each followed by every"
            " live server"),
        row("machines restarted one by one", len(facts.restarted), "", machines,
            f"SIGTERM, then started, under load, in {facts.restarting[1] - facts.restarting[0]:.0f} s",
            better="higher"),
        row("machines killed", len(facts.killed), "", 2 * plan.kills_of_each + 1,
            f"SIGKILL to all of {kinds}", better="higher"),
        row("jobs of killed machines done by another or the next", len(facts.rescued), "", 1,
            "a worker is missed after 8 s here, after 120 s by default", better="higher"),
        row("PgBouncer killed, database crashed", facts.poolers + facts.crashes, "", 2,
            "SIGKILL, and pg_ctl -m immediate, each restarted after 0.5 s", better="higher"),
        row("steps that failed", len(facts.failed), "", 0, "jobs, promotions, rollbacks"),
    ]  # fmt: skip


def _promise_rows(
    balancer: Balancer,
    facts: Facts,
    answers: check.Answers,
    documents: check.Documents,
    seen: Seen,
    wrong: list[str],
) -> list[dict[str, Any]]:
    return [
        row("questions failed", len(answers.failed), "", 0, f"of {answers.asked} by HTTP;"
            f" {answers.cut} ended with their killed server, {balancer.refused} connections were"
            " refused and went to another server"),
        row("answers with mixed versions", len(answers.mixed), "", 0, "epoch and version of each"
            " answer against its row and the audit; no server goes back"),
        row("answers lost", len(answers.lost), "", 0, "question and answer of each against the"
            " stored conversation"),
        row("documents failed", len(documents.failed), "", 0, f"of {documents.written} writes and"
            f" deletes by HTTP; {documents.unknown} were cut off by a kill and left alone"),
        row("documents lost or back", len(documents.lost) + len(documents.back), "", 0,
            "content of each against what its writer was told"),
        row("moments with a live window missing from the active index", len(seen.incomplete), "", 0,
            f"of {seen.looks} looks, each in one snapshot"),
        row("moments without exactly one active version",
            seen.not_one_active + len(wrong) + len(seen.faults), "", 0,
            "the same looks, and the audit's chain of epochs"),
        row("answers take, p95", answers.p95_s, "s", None, f"longest {answers.longest_s:.1f} s: a"
            " connection to a server that starts waits in its socket; all on one machine"),
    ]  # fmt: skip


def _write_page(text: str) -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the folder, for looking into it")
    parser.add_argument("--dry", action="store_true", help="write no results")
    given = parser.parse_args()
    # However it ends, what it started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(tempfile.mkdtemp(prefix="attune-fleet-"))
    try:
        rows = run(Plan(), Live(), home)
    finally:
        if not given.keep:
            shutil.rmtree(home, ignore_errors=True)
    print(table(rows))
    if not given.dry:
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
        _write_page(table(rows))
    sys.exit(0 if all(met(one) is not False for one in rows) else 1)


if __name__ == "__main__":
    main()
