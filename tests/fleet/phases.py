"""The phases of a run, one after another, while programs ask and write through the balancer."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from app import queue
from app.actions import fine_tuning
from app.actions.fine_tuning import RunRequest
from app.services import Services
from pipelines.store import active, models, replicas, runs
from pipelines.store.ids import JobId
from pipelines.store.jobs import SCHEMA, Job
from tests.chaos.admin import REASON
from tests.chaos.phases import ENDED
from tests.chaos.report import Live
from tests.fleet.backing import DOWN_S, Postgres
from tests.fleet.clients import PAGE, Balancer, CutOffError
from tests.fleet.machines import Fleet, Machine, WorkMachine
from tests.fleet.plan import Plan
from tests.pgbouncer import Pooler
from tests.workers import until

JOB_S = 600.0
# A training that has begun loads its libraries for seconds before its first step.
INTO_TRAINING_S = 3.0


@dataclass
class Facts:
    """What the phases did. Times are `time.monotonic`."""

    together_s: float = 0.0
    swaps: int = 0
    failed: list[str] = field(default_factory=list)
    killed: list[tuple[str, float]] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    restarting: tuple[float, float] = (0.0, 0.0)
    poolers: int = 0
    crashes: int = 0
    trained: list[str] = field(default_factory=list)
    rescued: list[str] = field(default_factory=list)


class Run:
    """The phases of one fleet."""

    def __init__(
        self,
        plan: Plan,
        fleet: Fleet,
        postgres: Postgres,
        pooler: Pooler,
        services: Services,
        balancer: Balancer,
        live: Live,
    ) -> None:
        self.facts = Facts()
        self._plan, self._fleet, self._live = plan, fleet, live
        self._postgres, self._pooler = postgres, pooler
        self._services, self._balancer = services, balancer

    # -- phases -----------------------------------------------------------------------------

    def ingest(self) -> None:
        """Wait until the workers have indexed the documents that stay."""
        self._live.phase("ingest")
        until(lambda: self._indexed() >= self._plan.documents, JOB_S)

    def be_steady(self) -> None:
        """Let programs ask and write while nothing else happens."""
        self._live.phase("steady", f"{self._indexed()} documents")
        time.sleep(self._plan.steady_s)

    def tune(self) -> None:
        """The trainer makes pairs and a version, a worker builds and promotes it."""
        self._live.phase("tune", "pairs")
        self._ends_well(self._defer("generate", limit=40))
        self._live.phase("tune", "training")
        run_id, job_id = self._begin_training()
        self._ends_well(job_id)
        self._promote(self._version_of(run_id))
        self._live.phase("roll back")
        self.swap()

    def restart_one_by_one(self) -> None:
        """End and start each machine, as an upgrade does, and swap after each."""
        began = time.monotonic()
        for machine in self._fleet.machines:
            self._live.phase("restart", machine.name)
            machine.end()
            machine.start()
            self.facts.restarted.append(machine.name)
            self.swap()
        self.facts.restarting = (began, time.monotonic())

    def kill_webs(self) -> None:
        """Kill web servers. Versions are swapped while they are gone."""
        for web in self._fleet.webs[: self._plan.kills_of_each]:
            self._live.phase("kill", web.name)
            self._kill(web)
            self.swap()
            web.start()

    def kill_trainer(self) -> None:
        """Kill the trainer in the middle of a training, which it goes on with."""
        self._live.phase("kill", "trainer in a training")
        trainer = self._fleet.trainer
        run_id, job_id = self._begin_training()
        until(lambda: trainer.has_begun(job_id), JOB_S)
        time.sleep(INTO_TRAINING_S)
        self._kill_at_work(trainer, job_id)
        self._version_of(run_id)

    def kill_workers(self) -> None:
        """Kill whichever worker has taken a promotion, which another one brings to its end."""
        for name in self.facts.trained[-1:] + ["base"] * (self._plan.kills_of_each - 1):
            self._live.phase("kill", f"worker that promotes {name}")
            job_id = self._defer("promote", name=name, override=REASON)
            worker = until(lambda job_id=job_id: self._taken_by(job_id), JOB_S)
            self._kill_at_work(worker, job_id)
            self.facts.swaps += self._serves(name)

    def kill_pooler(self) -> None:
        """Kill the connection pooler and restart it."""
        self._live.phase("kill", "pgbouncer")
        self._pooler.kill()
        time.sleep(DOWN_S)
        self._pooler.start()
        self.facts.poolers += 1
        time.sleep(self._plan.steady_s)
        self.swap()

    def crash_database(self) -> None:
        """End the database as a crash would, and restart it."""
        self._live.phase("crash", "PostgreSQL")
        self._postgres.crash()
        self.facts.crashes += 1
        time.sleep(self._plan.steady_s)
        self.swap()

    def settle(self) -> None:
        """Wait until every document is indexed and every job has ended."""
        self._live.phase("settle")
        waiting = (
            "select (select count(*) from document where status in ('queued', 'indexing'))"
            f" + (select count(*) from {SCHEMA}.procrastinate_jobs"
            " where status in ('todo', 'doing'))"
        )
        until(lambda: self._read(lambda conn: conn.execute(waiting).fetchone()) == (0,), JOB_S)

    def swap(self) -> None:
        """Let the version before serve, by the interface, and wait until every server follows."""
        epoch = self._epoch()
        told = "cut off"
        # One that a killed server had may have been done or not.
        with contextlib.suppress(CutOffError):
            _, response = self._balancer.send("POST", "/api/v1/rollback")
            told = f"{response.status_code} {response.text[:200]}"
        if told == "cut off" and self._epoch() == epoch:
            self.swap()
            return
        if self._epoch() == epoch + 1:
            self.facts.swaps += 1
        else:
            self._failed(f"rollback from epoch {epoch} to {self._epoch()}: {told}")
        self._wait_followed()

    # -- steps ------------------------------------------------------------------------------

    def _kill(self, machine: Machine) -> None:
        self.facts.killed.append((machine.name, time.monotonic()))
        machine.kill()

    def _kill_at_work(self, machine: WorkMachine, job_id: JobId) -> None:
        self._kill(machine)
        was = self._job(job_id).status
        machine.start()
        if self._ends_well(job_id) and was == "doing":
            self.facts.rescued.append(f"{machine.name}: job {job_id}")

    def _taken_by(self, job_id: JobId) -> WorkMachine | None:
        return next((one for one in self._fleet.workers if one.has_begun(job_id)), None)

    def _begin_training(self) -> tuple[Any, JobId]:
        settings = {"max_steps": self._plan.train_steps, "batch_size": 8}
        seed = len(self.facts.trained)
        wish = RunRequest(method="full", seed=seed, settings=settings)
        plan = fine_tuning.plan(self._services, wish)
        run_id = fine_tuning.create(
            self._services, plan.base, plan.material, plan.options, who="fleet"
        )
        return run_id, self._defer("train", run_id=run_id)

    def _version_of(self, run_id: Any) -> str:
        with self._postgres.connect() as conn:
            run = runs.get(conn, run_id)
            model = models.get(conn, run.model_id) if run and run.model_id else None
        assert model is not None, f"run {run_id} has no version"
        self.facts.trained.append(model.name)
        return model.name

    def _promote(self, name: str) -> None:
        self._live.phase("promote", name)
        self._ends_well(self._defer("build", name=name))
        self._ends_well(self._defer("promote", name=name, override=REASON))
        if self._serves(name):
            self.facts.swaps += 1
        else:
            self._failed(f"{name} does not serve")
        self._wait_followed()

    def _defer(self, task: str, **arguments: Any) -> JobId:
        return queue.defer(self._services, task, who="fleet", **arguments)

    def _ends_well(self, job_id: JobId) -> bool:
        until(lambda: self._job(job_id).status in ENDED, JOB_S)
        job = self._job(job_id)
        if job.status != "succeeded":
            self._failed(f"job {job_id} {job.task}: {job.status}, {job.fault}")
        return job.status == "succeeded"

    def _job(self, job_id: JobId) -> Job:
        return self._read(lambda conn: queue.get(conn, job_id))

    def _serves(self, name: str) -> bool:
        return bool(self._read(lambda conn: active.serving(conn).model.name == name))

    def _epoch(self) -> int:
        return int(self._read(lambda conn: active.serving(conn).epoch))

    def _indexed(self) -> int:
        """How many of the documents that stay are indexed."""
        count = "select count(*) from document where status = 'indexed' and title like %s"
        return int(self._read(lambda conn: conn.execute(count, (f"{PAGE}%",)).fetchone())[0])

    def _wait_followed(self) -> None:
        """Wait until every live server follows the pointer."""
        epoch = self._epoch()

        def followed() -> bool:
            rows = self._read(replicas.list_all)
            return all((row.epoch or 0) >= epoch for row in rows if row.live)

        until(followed, JOB_S)

    def _read(self, read: Callable[[psycopg.Connection], Any]) -> Any:
        """What the database says, as soon as it is there."""
        deadline = time.monotonic() + JOB_S
        while True:
            with contextlib.suppress(psycopg.OperationalError), self._postgres.connect() as conn:
                return read(conn)
            assert time.monotonic() < deadline, "the database did not come back"
            time.sleep(0.1)

    def _failed(self, what: str) -> None:
        self.facts.failed.append(what)
        self._live.phase("FAILED", what)
