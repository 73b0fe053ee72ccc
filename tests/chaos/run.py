"""
The swap under fire: `make chaos`, or `python -m tests.chaos.run`.

Servers answer questions and writers change documents, as processes on a separate database.
Meanwhile versions of different dimension are built, promoted and rolled back, processes are killed
and stopped, the database crashes, and admins race. Then the responses that everybody got are
compared with the database's content. The same with a guard removed must fail.

Writes bench/chaos.json and the table in docs/architecture.md. Exits with 1 if anything happened
that must never happen.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "chaos.json"
PAGE = RESULTS.parents[1] / "docs" / "architecture.md"
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONWARNINGS": "ignore",
}
os.environ.update(ENVIRONMENT)

from pipelines.errors import AttuneError  # noqa: E402
from tests.chaos import check, controls, phases, scale  # noqa: E402
from tests.chaos.admin import Order  # noqa: E402
from tests.chaos.cast import Cast  # noqa: E402
from tests.chaos.observer import Observer, Seen  # noqa: E402
from tests.chaos.plan import FULL, SHORT, Plan  # noqa: E402
from tests.chaos.report import Live, row  # noqa: E402
from tests.chaos.site import Artefact, build_artefacts, open_site, own_postgres  # noqa: E402


@dataclass(frozen=True)
class Result:
    """Rows for the table, and the violations in words."""

    rows: list[dict[str, Any]]
    broken: list[str]


def run(plan: Plan, live: Live, home: Path, only: str | None = None) -> Result:
    """Do a full run, or one of `PARTS`, in a separate folder."""
    live.phase("setting up")
    artefacts = build_artefacts(home)
    rows: list[dict[str, Any]] = []
    broken: list[str] = []
    with own_postgres(home) as postgres:
        for part in [only] if only else PARTS:
            try:
                found = PARTS[part](plan, live, home, postgres, artefacts)
            except AttuneError as error:  # what the other parts found is not lost for it
                found = Result([], [f"{part} did not come to its end: {error}"])
            rows += found.rows
            broken += found.broken
    return Result(rows, broken)


def _fire(
    plan: Plan, live: Live, home: Path, postgres: Any, artefacts: tuple[Artefact, ...]
) -> Result:
    site = open_site(postgres, home, artefacts, "fire", plan.documents)
    cast = Cast(site, plan.servers, plan.writers, plan.questions_per_s)
    with Observer(site) as observer, cast:
        fire = phases.Run(site, cast, postgres, plan, live)
        fire.warm_up()
        fire.swap()
        fire.drop_connections()
        fire.damage()
        fire.kill()
        fire.kill_workers()
        fire.race()
        dead = cast.dead()
        pool = phases.open_pool(site)
        left = fire.settle(pool)
    with pool.connection() as conn:
        by_epoch, wrong = check.history(conn)
        asked = check.questions(site, conn, by_epoch)
        corpus = check.corpus(site, conn, plan.documents)
    pool.close()
    broken = _broken(observer.seen, by_epoch)
    broken += (
        wrong
        + [f"lost: {x}" for x in corpus.lost]
        + [f"came back: {x}" for x in corpus.resurrected]
    )
    broken += [f"question: {x}" for x in asked.failed[:5]] + [
        f"mixed: {x}" for x in asked.mixed[:5]
    ]
    broken += [f"race: {x}" for x in fire.facts.odd_races] + fire.facts.not_refused
    broken += [f"swap: {x}" for x in fire.facts.failed_swaps]
    broken += [f"left incomplete: index {name}: {gap}" for name, gap in left.items()]
    broken += [f"told that it failed, but it is in: {x}" for x in corpus.wrongly_refused]
    broken += [f"{name} has died" for name in dead]
    if asked.resurrected:
        broken.append(f"{asked.resurrected} answers show documents deleted before the question")
    if corpus.orphans:
        broken.append(f"postings of {corpus.orphans} chunks that are gone")
    return Result(_fire_rows(plan, site, fire.facts, observer.seen, asked, corpus, wrong), broken)


def _broken(seen: Seen, by_epoch: dict[int, int]) -> list[str]:
    """The violations that the observer saw."""
    found = [f"observer: {fault}" for fault in seen.faults[:5]]
    if seen.incomplete:
        found.append(f"{len(seen.incomplete)} moments incomplete, first {seen.incomplete[0]}")
    if seen.not_one_active:
        found.append(f"{seen.not_one_active} moments without exactly one active version")
    for epoch, pair in seen.pairs.items():
        if pair != {by_epoch.get(epoch)}:
            found.append(
                f"epoch {epoch}: seen {sorted(pair)}, the audit says {by_epoch.get(epoch)}"
            )
    return found


def _fire_rows(
    plan: Plan,
    site: Any,
    facts: phases.Facts,
    seen: Seen,
    asked: check.Questions,
    corpus: check.Corpus,
    wrong: list[str],
) -> list[dict[str, Any]]:
    steady = check.quantile(check.retrieval_ms(site, facts.steady), 0.95)
    swapping = check.quantile(check.retrieval_ms(site, facts.swapping), 0.95)
    loud = check.convergence(site, facts.loud)
    silent = check.convergence(site, facts.silent)
    dropped = check.convergence(site, facts.dropped)
    rollbacks = check.followed_within(site, facts.rollback_began)
    late = [check.late_follower(site, name, resumed) for name, _, resumed in facts.stopped]
    where = ", ".join(f"{count} {name}" for name, count in sorted(facts.killed.items()))
    kills = sum(facts.killed.values())
    return [
        row("swaps", facts.swaps, "", plan.swaps, f"{facts.rollbacks} of them rollbacks, versions of"
            " 32, 48 and 64 dimensions, each built from nothing", better="higher"),
        row("questions failed", len(asked.failed), "", 0, f"of {asked.answers} by {plan.servers}"
            f" servers through all phases; {asked.again} were asked again at a database crash,"
            f" {asked.cut} ended with their killed server"),
        row("answers with mixed versions", len(asked.mixed), "", 0,
            "epoch, index and dimension of each against the audit"),
        row("moments with a live window missing from the active index", len(seen.incomplete), "", 0,
            f"of {seen.looks} looks, each in one snapshot"),
        row("moments without exactly one active version", seen.not_one_active + len(wrong), "", 0,
            "the same looks, and the audit's chain of epochs"),
        row("documents with lost chunks", len(corpus.lost), "", 0, f"{corpus.operations} writes and deletes by"
            f" {plan.writers} writers, {corpus.looked_up} looked up after a lost connection"),
        row("documents that came back", len(corpus.resurrected) + asked.resurrected, "", 0,
            "in the tables at the end, or shown after their delete"),
        row("SIGKILLs", kills, "", plan.killed_admins + plan.killed_workers + plan.killed_servers, where, better="higher"),
        row("jobs of killed workers done by the next, longest", max(facts.rescued_s, default=0.0), "s",
            None, f"{len(facts.rescued_s)}, from the kill to the version serving; a worker is missed"
            " after 3 s here, after 120 s by default"),
        row("database crashes", len(facts.crashes), "", plan.crashes,
            "pg_ctl -m immediate in the middle of a promotion, restarted after 0.5 s",
            better="higher"),
        row("races of two admins with one winner", facts.one_winner, "", plan.races,
            f"of {facts.races}", better="higher"),
        row("servers follow, p99", check.quantile(loud, 0.99), "s", 1.0,
            f"{len(loud)} from commit to the server's handle"),
        row("servers follow without NOTIFY, p99", check.quantile(silent, 0.99), "s", 2.5,
            f"{len(silent)}, NOTIFY left out"),
        row("servers follow after their LISTEN was cut, p99", check.quantile(dropped, 0.99), "s", 2.5,
            f"{len(dropped)}, {facts.listeners} connections cut just before"),
        row("server stopped by SIGSTOP follows again after", max(late, default=0.0), "s", 2.5,
            f"stopped for {plan.stopped_s:g} s while versions changed"),
        row("rollback until the last server follows, longest", max(rollbacks, default=0.0), "s", 2.0,
            f"{len(rollbacks)}, from the call, its model loaded by the caller included"),
        row("retrieval p95 while swapping over steady", swapping / max(steady, 1e-9), "x", 1.5,
            f"{swapping:.0f} against {steady:.0f} ms, builds on the same machine"),
        row("damaged model files refused", len(facts.refused), "", plan.damages,
            "flipped bit, truncated, missing; the reason shown, the version before serves",
            better="higher"),
    ]  # fmt: skip


def _scale(
    plan: Plan, live: Live, home: Path, postgres: Any, artefacts: tuple[Artefact, ...]
) -> Result:
    if not plan.windows:
        return Result([], [])
    live.phase("at scale", f"{plan.windows} windows")
    site = open_site(postgres, home, artefacts, "scale", 0)
    pool = phases.open_pool(site)
    found = scale.measure(pool, plan.windows, plan.switches_at_scale)
    pool.close()
    pause_ms, switch_s = scale.summary(found)
    how = f"{found.windows} windows with synthetic vectors, {len(found.pauses_s)} switches, 2 writers, {found.rate:.0f} windows/s"
    rows = [
        row("writers wait for a switch, p95", pause_ms, "ms", 300, how),
        row("rollback at that size, longest", switch_s, "s", 2.0, f"{how}, catching up included"),
    ]
    broken = [f"at scale: {found.incomplete} switches left a gap"] if found.incomplete else []
    return Result(rows, broken)


def _controls(
    plan: Plan, live: Live, home: Path, postgres: Any, artefacts: tuple[Artefact, ...]
) -> Result:
    """Check that promotions without one of their guards break what the real ones preserve."""
    site = open_site(postgres, home, artefacts, "control", plan.documents)
    rows, broken = [], []
    with Observer(site) as observer, Cast(site, 1, 3, 2.0, pause_s=0.0, workers=0) as cast:
        live.phase("controls", "versions are built")
        names = phases.build_two(site, cast.admins[0])
        fire = phases.Run(site, cast, postgres, plan, live)
        if observer.seen.incomplete:
            broken.append("moments incomplete before any guard was removed")
        for how in (controls.TWO_COMMITS, controls.LOCK_LET_GO):
            live.phase("controls", how)
            caught, switches = _control(how, plan, observer.seen, fire, names)
            rows.append(
                row(f"control: {how}, incomplete moments", caught, "", 1,
                    f"caught after {switches} switches", better="higher")
            )  # fmt: skip
            if not caught:
                broken.append(f"the control ({how}) passed: such a fault would go unnoticed")
    return Result(rows, broken)


def _control(
    how: str, plan: Plan, seen: Seen, fire: phases.Run, names: list[str]
) -> tuple[int, int]:
    """Count incomplete moments of a promotion without a guard, and the switches until the first."""
    admin = fire.cast.admins[0]

    def switch(how: str) -> None:
        name = next(name for name in names if not fire.serves(name))
        admin.do(Order("switch", name, fire.pointer().epoch, how=how))

    switch("")  # the real one puts right what the control before left
    before = len(seen.incomplete)
    switches = 0
    while switches < plan.control_switches and len(seen.incomplete) == before:
        switch(how)
        switches += 1
        time.sleep(0.2)
    return len(seen.incomplete) - before, switches


PARTS = {"fire": _fire, "scale": _scale, "controls": _controls}


def _write_page(table: str) -> None:
    start, end = "<!-- chaos -->", "<!-- /chaos -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(start)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{start}\n{table}\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="the form of `make test-all`")
    parser.add_argument("--keep", action="store_true", help="leave the folder, for looking into it")
    for name in (
        "swaps",
        "rollbacks",
        "silent",
        "races",
        "windows",
        "killed-admins",
        "killed-workers",
        "killed-servers",
        "crashes",
    ):
        parser.add_argument(f"--{name}", type=int, help="instead of the plan's")
    parser.add_argument("--only", choices=PARTS, help="one part; writes nothing")
    given = vars(parser.parse_args())
    short, keep, only = given.pop("short"), given.pop("keep"), given.pop("only")
    changed = {name: value for name, value in given.items() if value is not None}
    plan = replace(SHORT if short else FULL, **changed)
    # However it ends, what it started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = Path(tempfile.mkdtemp(prefix="attune-chaos-"))
    try:
        found = run(plan, Live(), home, only)
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)
    from bench.run import table

    print(table(found.rows))
    for what in found.broken:
        print(f"BROKEN: {what}")
    if not (short or changed or only):
        RESULTS.write_text(json.dumps(found.rows, indent=1) + "\n")
        _write_page(table(found.rows))
    sys.exit(1 if found.broken else 0)


if __name__ == "__main__":
    main()
