"""The phases of a run, one after another, while servers are asked and writers write."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import psycopg

from app import queue
from pipelines.errors import AttuneError, NotReadyError
from pipelines.store import active, db, gaps, indexes, models, replicas, stored_files
from pipelines.store.active import Active
from pipelines.store.db import Pool
from pipelines.store.embedded import EmbeddedPostgres
from pipelines.store.ids import JobId
from pipelines.store.jobs import Job
from tests.chaos import controls, faults
from tests.chaos.admin import REASON, Order, Told
from tests.chaos.cast import Admin, Cast, wait_until
from tests.chaos.plan import Plan
from tests.chaos.report import Live
from tests.chaos.site import Artefact, Site, damaged

# Stages of a promotion at which somebody is killed, and how long after their beginning at most.
STAGES = {
    "build": ("embedding", 0.4),
    "graph": ("graph", 0.3),
    "prepare": ("loading everywhere", 0.3),
    "prove": ("proving", 0.3),
    "promote": ("switching", 0.03),
}
MOST_ATTEMPTS = 12
FOLLOW_S = 20.0
# Time for a job to be fetched, and finished by the worker that takes it over. About its duration.
JOB_S = 60.0
ENDED = ("succeeded", "failed", "cancelled", "aborted")
JOB_KILL_S = 1.5


@dataclass
class Facts:
    """The counts and times of the phases. Times are `time.monotonic`."""

    swaps: int = 0
    rollbacks: int = 0
    failed_swaps: list[str] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)
    dropped: set[int] = field(default_factory=set)
    loud: set[int] = field(default_factory=set)
    rollback_began: dict[int, float] = field(default_factory=dict)
    steady: tuple[float, float] = (0.0, 0.0)
    swapping: tuple[float, float] = (0.0, 0.0)
    killed: Counter[str] = field(default_factory=Counter)
    crashes: list[tuple[float, float]] = field(default_factory=list)
    stopped: list[tuple[str, float, float]] = field(default_factory=list)
    listeners: int = 0
    races: int = 0
    one_winner: int = 0
    odd_races: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    not_refused: list[str] = field(default_factory=list)
    rescued_s: list[float] = field(default_factory=list)
    cut_off: list[str] = field(default_factory=list)


class Run:
    """The phases at one site."""

    def __init__(
        self, site: Site, cast: Cast, postgres: EmbeddedPostgres, plan: Plan, live: Live
    ) -> None:
        self.site, self.cast, self.postgres, self.plan, self.live = site, cast, postgres, plan, live
        self.facts = Facts()
        self._dice = random.Random(7)
        self._versions = 0
        self._promotions = 0

    # -- steps ------------------------------------------------------------------------------

    def pointer(self) -> Active:
        """The active pointer. Waits for a database that is coming back."""
        while True:
            try:
                with self.site.connect() as conn:
                    found = active.get(conn)
                assert found is not None
                return found
            except psycopg.OperationalError:
                time.sleep(0.1)

    def new_version(self, artefact: Artefact | None = None) -> str:
        """
        The name of a fresh version that is not built, with another dimension than the one before.
        """
        self._versions += 1
        name = f"c{self._versions}"
        chosen = artefact or self.site.artefacts[self._versions % len(self.site.artefacts)]
        self.site.register(name, chosen)
        return name

    def wait_followed(self) -> None:
        """Wait until every live server follows the pointer, up to a limit."""

        def followed() -> bool:
            try:
                with self.site.connect() as conn:
                    pointer = active.get(conn)
                    assert pointer is not None
                    rows = [row for row in replicas.list_all(conn) if row.live]
                return all((row.epoch or 0) >= pointer.epoch for row in rows)
            except psycopg.OperationalError:
                return False

        wait_until(followed, FOLLOW_S)

    # -- phases -----------------------------------------------------------------------------

    def warm_up(self) -> None:
        """
        Wait until every server has answered, because imports and first loads are not measured.
        """
        self.live.phase("warming up")
        names = [role.name for role in self.cast.servers]
        ready = wait_until(lambda: all(self._answered(name) for name in names), 120)
        assert ready, "the servers did not answer within 120 s"
        self.live.phase("steady")
        began = time.monotonic()
        time.sleep(self.plan.steady_s)
        self.facts.steady = (began, time.monotonic())

    def _answered(self, name: str) -> bool:
        from tests.chaos.journal import entries

        return len(entries(self.site.journals, name, "answer")) > 5

    def swap(self) -> None:
        """Do the plan's swaps, rollbacks among them, some without a NOTIFY."""
        began = time.monotonic()
        kinds = _shuffled(
            self._dice,
            ["rollback"] * self.plan.rollbacks
            + [controls.SILENT] * self.plan.silent
            + ["promote"] * (self.plan.swaps - self.plan.rollbacks - self.plan.silent),
        )
        for kind in kinds:
            self._swap_once(kind)
            self.live.show("swapping", f"{self.facts.swaps} of {self.plan.swaps} swaps")
        self.facts.swapping = (began, time.monotonic())

    def _swap_once(self, kind: str) -> None:
        admin = self.cast.admins[0]
        if kind == "rollback":
            told = admin.do(Order("rollback"))
        else:
            how = kind if kind == controls.SILENT else ""
            told = admin.do(Order("promote", self._next_version(), how=how))
        if told is None or told.outcome != "done" or told.epoch is None:
            self.facts.failed_swaps.append(f"{kind}: {told}")
            return
        self.facts.swaps += 1
        (self.facts.silent if kind == controls.SILENT else self.facts.loud).add(told.epoch)
        if kind == "rollback":
            self.facts.rollbacks += 1
            self.facts.rollback_began[told.epoch] = told.began
        self.wait_followed()

    def _next_version(self) -> str:
        """
        Alternate between a version built from scratch and one that served before and is caught up.
        """
        self._promotions += 1
        before = f"c{self._versions - 1}"
        if self._promotions % 2 == 0 and self._versions > 1 and not self.serves(before):
            return before
        return self.new_version()

    def drop_connections(self) -> None:
        """Swap right after every listening connection has been cut."""
        for _ in range(self.plan.dropped_listeners):
            self.live.show("dropping LISTEN", f"{self.facts.listeners} connections")
            self.facts.listeners += faults.drop_listeners(self.site)
            told = self.cast.admins[0].do(Order("rollback"))
            if told is not None and told.outcome == "done" and told.epoch is not None:
                self.facts.dropped.add(told.epoch)
            else:
                self.facts.failed_swaps.append(f"after dropped connections: {told}")
            self.wait_followed()

    def damage(self) -> None:
        """Check that files changed after registration are refused, with the reason shown."""
        for how in ("flipped", "truncated", "missing")[: self.plan.damages]:
            self.live.show("damaging files", how)
            artefact = damaged(self.site.artefacts[1], self.site.home / how)
            name = self.new_version(artefact)
            admin = self.cast.admins[0]
            built = admin.do(Order("build", name))
            with self.site.connect() as conn:
                # Else the files would be fetched whole from the database again.
                stored_files.remove(conn, artefact.sha256)
            weights = max(
                (path for path in artefact.folder.rglob("*") if path.is_file()),
                key=lambda path: path.stat().st_size,
            )
            content = bytearray(weights.read_bytes())
            if how == "missing":
                weights.unlink()
            elif how == "truncated":
                weights.write_bytes(content[:-100])
            else:
                content[len(content) // 2] ^= 1
                weights.write_bytes(content)
            epoch = self.pointer().epoch
            told = admin.do(Order("prepare", name))
            if (
                built is not None
                and built.outcome == "done"
                and told is not None
                and told.outcome == "refused"
                and weights.name in told.reason
                and self.pointer().epoch == epoch
            ):
                self.facts.refused.append(f"{how}: {told.reason}")
            else:
                self.facts.not_refused.append(f"{how}: {built} {told}")

    def kill(self) -> None:
        """Promote fresh versions by processes that are killed, while servers are killed too."""
        plan, kills = self.plan, []
        stages = list(STAGES)
        for n in range(plan.killed_admins):
            kills.append(("admin", stages[n % len(stages)]))
        for n in range(plan.killed_servers):
            kills.append(("server", stages[n % len(stages)]))
        kills = _shuffled(self._dice, kills)
        crash_at = {(i + 1) * len(kills) // (plan.crashes + 1): i for i in range(plan.crashes)}
        stop = faults.stopped(self.cast.servers[0], plan.stopped_s)
        with contextlib.ExitStack() as stack:
            stopped_at = time.monotonic()
            resumed = stack.enter_context(stop)
            done = 0
            while done < len(kills):
                version = self.new_version()
                for attempt in range(MOST_ATTEMPTS):
                    # Two kills at most, so that versions come to serve in between.
                    kill = kills[done] if done < len(kills) and attempt < 2 else None
                    crash = done in crash_at and crash_at.pop(done) is not None
                    told = self._attempt(version, kill, crash)
                    done += kill is not None
                    self.live.show(
                        "killing",
                        f"{done} of {len(kills)} kills, {len(self.facts.crashes)} crashes,"
                        f" epoch {self.pointer().epoch}"
                        + ("" if told is None or told.outcome == "done" else f"; {told.reason}"),
                    )
                    if told is not None and told.outcome == "done":
                        break
                else:
                    self.facts.failed_swaps.append(f"{version} after {MOST_ATTEMPTS} tries: {told}")
        self.facts.stopped.append((self.cast.servers[0].name, stopped_at, resumed[0]))
        self.wait_followed()

    def _attempt(self, version: str, kill: tuple[str, str] | None, crash: bool) -> Told | None:
        """
        One attempt at a promotion, or None if it was killed. The next attempt continues its work.
        """
        admin = self.cast.admins[0]
        who, stage = kill or ("", "")
        wanted, most_s = STAGES.get(stage, ("", 0.0))
        if crash:
            wanted, most_s = wanted or "proving", 0.1
        done = False

        def on_stage(told: str) -> None:
            nonlocal done
            if done or told != wanted:
                return
            done = True
            time.sleep(self._dice.random() * most_s)
            if crash:
                began = time.monotonic()
                faults.crash(self.postgres)
                self.facts.crashes.append((began, time.monotonic()))
            if who == "admin":
                admin.kill()
            elif who == "server":
                self._kill_server()

        told = admin.do(Order("promote", version), on_stage)
        # It never came to that stage: killed at rest, then.
        if not done and who == "admin":
            admin.kill()
        elif not done and who == "server":
            self._kill_server()
        if kill is not None:
            self.facts.killed[f"{who} at {stage}" if done else f"{who} at rest"] += 1
        if not admin.alive:  # it may have told the outcome before it was killed
            admin.start()
        if told is not None and told.outcome == "cut off":
            self.facts.cut_off.append(told.reason)
        elif told is not None and told.outcome == "fault":
            self.facts.failed_swaps.append(f"{version}: {told}")
        # Killed after it had committed: the version serves, and promoting it again says so.
        if self.serves(version):
            return Told("done", 0, 0)
        return told

    def serves(self, version: str) -> bool:
        """Whether the version is the active one."""
        pointer = self.pointer()
        with self.site.connect() as conn:
            model = models.by_name(conn, version)
            index = indexes.get(conn, pointer.index_id)
        return model is not None and index is not None and index.model_id == model.id

    def _kill_server(self) -> None:
        # The first is the one that was stopped.
        role = self._dice.choice(self.cast.servers[1:])
        role.kill()
        role.start()

    def kill_workers(self) -> None:
        """
        Promote by jobs whose worker is killed and restarted. The job is rescued and ends well.
        """
        (worker,) = self.cast.workers
        for n in range(self.plan.killed_workers):
            version = self.new_version()
            with self.site.connect() as conn:
                job_id = queue.defer_in(conn, "promote", who="chaos", name=version, override=REASON)
            if not wait_until(lambda job_id=job_id: self._job(job_id).status == "doing", JOB_S):
                self.facts.failed_swaps.append(f"{version}: its job was not taken")
                continue
            time.sleep(self._dice.random() * JOB_KILL_S)
            stage = self._job(job_id).stage or "beginning"
            began = time.monotonic()
            worker.kill()
            worker.start()
            self.facts.killed[f"worker at {stage}"] += 1
            wait_until(lambda job_id=job_id: self._job(job_id).status in ENDED, JOB_S)
            if self._job(job_id).status == "succeeded" and self.serves(version):
                self.facts.rescued_s.append(time.monotonic() - began)
            else:
                self.facts.failed_swaps.append(f"{version}: {self._job(job_id)}")
            self.live.show("killing workers", f"{n + 1} of {self.plan.killed_workers}")

    def _job(self, job_id: JobId) -> Job:
        with self.site.connect() as conn:
            return queue.get(conn, job_id)

    def race(self) -> None:
        """Let two admins promote at the same moment, different versions or the same one."""
        first, second = self.cast.admins
        names = [self.new_version() for _ in range(3)]
        for name in names:
            built = first.do(Order("build", name))
            if built is None or built.outcome != "done":
                self.facts.odd_races.append(f"{name} was not built: {built}")
                return
        for n in range(self.plan.races):
            pointer = self.pointer()
            serving = [name for name in names if self.serves(name)]
            others = [name for name in names if name not in serving]
            self._dice.shuffle(others)
            what = ("prove", "switch")[n % 2]
            pair = (others[0], others[0 if n % 5 == 0 else 1])
            # Built again if upkeep has dropped it: on a slow machine the retention may be over.
            steps = [Order(step, name) for name in set(pair) for step in ("build", "prepare")]
            ready = [first.do(order) for order in steps]
            if any(told is None or told.outcome != "done" for told in ready):
                self.facts.odd_races.append(f"not prepared: {ready}")
                continue
            at = time.monotonic() + 0.25
            for admin, name in ((first, pair[0]), (second, pair[1])):
                admin.send(Order(what, name, pointer.epoch, at))
            told = [first.told(), second.told()]
            outcomes = sorted(t.outcome if t else "died" for t in told)
            self.facts.races += 1
            if outcomes == ["done", "lost"] and self.pointer().epoch == pointer.epoch + 1:
                self.facts.one_winner += 1
            else:
                self.facts.odd_races.append(f"{what} {pair}: {told}")
            self.live.show("racing", f"{self.facts.races} of {self.plan.races} races")
        self.wait_followed()

    def settle(self, pool: Pool) -> dict[str, object]:
        """
        End the writers, catch up the previous version, and return the gaps of active and previous.
        """
        self.live.phase("settling")
        self.cast.end_writers()
        left: dict[str, object] = {}

        def complete() -> bool:
            left.clear()
            with pool.connection() as conn:
                for index in indexes.maintained(conn):
                    left[str(index.id)] = gaps.measure(conn, index.vectors_id, index.rule_id)
            return not any(left.values())

        wait_until(complete, 40)
        return {name: gap for name, gap in left.items() if gap}


def build_two(site: Site, admin: Admin) -> list[str]:
    """Build two versions of different dimension, to switch back and forth."""
    names = []
    for artefact in site.artefacts[1:]:
        name = f"two{artefact.dimension}"
        site.register(name, artefact)
        told = admin.do(Order("promote", name))
        if told is None or told.outcome != "done":
            raise AssertionError(f"{name} did not come to serve: {told}")
        names.append(name)
    return names


def _shuffled(dice: random.Random, items: list) -> list:
    """
    Shuffle the plan so that the first swap is not a rollback, because there is nothing to return
    to.
    """
    while True:
        dice.shuffle(items)
        if not items or items[0] != "rollback":
            return items


def open_pool(site: Site) -> Pool:
    """Open a separate pool as soon as the database is available."""
    for _ in range(50):
        with contextlib.suppress(NotReadyError, AttuneError):
            return db.open_pool(site.dsn, max_size=2)
        time.sleep(0.2)
    raise AssertionError("the database did not come back")
