"""Which method an attempt takes, what it says before, when it is due, and its command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from app import queue
from app.actions import fine_tuning, methods
from app.actions.improve import plan, schedule
from app.actions.pairs import generating
from app.worker import upkeep
from pipelines.errors import InputError
from pipelines.store import improvements
from tests.corpus import add_document
from tests.improving import audited, fill

pytestmark = pytest.mark.long


def test_the_method_is_the_one_that_the_estimate_recommends(services):
    """Measured once and the same everywhere: the adapter for few pairs, else the whole encoder."""
    fill(services)
    with_what = methods.machine(services)
    with services.pool.connection() as conn:
        before = methods.known(conn, with_what)
    assert (before.method, before.listed) == ("adapter", ())
    assert "not measured yet" in before.sentence()
    generating.generate(services, "offline")
    measured = methods.choose(services, with_what)
    with services.pool.connection() as conn:
        assert methods.known(conn, with_what) == measured
        base = methods.starting_point(conn)
        estimate = fine_tuning.probe(
            services, base.name, fine_tuning.learned_from(services), fine_tuning.options(services)
        )
        assert estimate.recommended == methods.known(conn, with_what).method == measured.method
    assert measured.method == "full"
    assert "Full (whole encoder)" in measured.sentence()


def test_a_worker_measures_its_machine_once(services, monkeypatch):
    """When people's documents are indexed and no more are arriving. Not again after an attempt."""
    fill(services, 1)
    measure = ("measure", "worker")
    assert measure not in upkeep.due(services)  # documents came in just now
    monkeypatch.setattr(upkeep, "LOAD_PAUSE", timedelta(0))
    assert measure in upkeep.due(services)
    queue.defer(services, "measure", who="worker")
    assert measure not in upkeep.due(services)


def test_what_it_will_do_is_said_before(services):
    fill(services)
    found = plan.make(services, methods.machine(services))
    assert [step.name for step in found.steps] == [
        "Make pairs.", "See what there is to gain.", "Train a new version.", "Compare.",
        "Promote it.",
    ]  # fmt: skip
    assert "50 passages not used yet" in found.steps[0].means
    assert found.seconds > 0
    assert found.sentence.startswith("about ")
    with services.pool.connection() as conn:
        assert improvements.latest(conn) is None


def test_the_schedule_is_due_when_something_came_in(services):
    """Off: never. Weekly: a week after the last one, not when nothing is new. By votes: after so many."""
    fill(services, 1)
    with services.pool.connection() as conn:
        conn.autocommit = True
        now = datetime.now(UTC)
        assert not schedule.state(conn).due
        schedule.change(conn, "weekly", 0, who="eve")
        assert not schedule.state(conn, now + timedelta(days=6)).due
        assert schedule.state(conn, now + timedelta(days=8)).due
        assert "Due on" in schedule.state(conn).sentence
        one = improvements.add(conn, who="eve", before="base")
        improvements.end(conn, one.id, "nothing", "There is too little.")
        found = schedule.state(conn, now + timedelta(days=8))
        assert (found.due, found.last.sentence) == (False, "There is too little.")
        assert found.sentence == "Due as soon as something new comes in."
        add_document(conn, services.replica.current(), "new", ["words " * 50])
        assert schedule.state(conn, now + timedelta(days=8)).due
        schedule.change(conn, "votes", 2, who="eve")
        vote(conn, "ann")
        found = schedule.state(conn)
        assert (found.due, found.sentence) == (False, "Due after 2 new votes; 1 came in so far.")
        vote(conn, "bob")
        assert schedule.is_due(conn)
        assert ("improve", schedule.WHO) in upkeep.due(services)
        queue.defer_in(conn, "improve", who=schedule.WHO)
        assert not schedule.is_due(conn)  # one waits already
    assert [name for name, _ in audited(services)].count("set schedule") == 2


def vote(conn, visitor):
    conn.execute(
        "with c as (insert into conversation (visitor, title) values (%s, 't') returning id),"
        " m as (insert into message (conversation_id, role, text) select id, 'assistant', 'x'"
        " from c returning id)"
        " insert into feedback (message_id, visitor, verdict) select id, %s, 'like' from m",
        (visitor, visitor),
    )


@pytest.mark.parametrize("text", ["daily", "votes", "votes:0", "votes:x", "weekly:2", ""])
def test_a_schedule_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="off, weekly, votes:NUMBER"):
        schedule.parse(text)


def test_the_command_says_what_came_of_it(services, trained, judged, attune):
    """
    With too little data the exit code is 4. Else it prints the plan, then the result, alone with
    --json.
    """
    code, out, _ = attune("improve")
    assert (code, out.split(":")[0]) == (4, "Nothing to learn from yet")
    fill(services)
    code, out, err = attune("improve", "--dry-run")
    assert code == 0
    assert "4. Compare." in out
    assert "All together about" in out
    assert trained == []
    code, out, err = attune("improve", "--json")
    told = json.loads(out)
    assert (code, told["outcome"], told["version"]) == (0, "kept", "v1")
    assert "1. Make pairs." in err
    assert "step 4 of 5, comparing" in err
    assert attune("improve", "--queue")[1].startswith("Job ")
    assert attune("improve", "--queue")[0] == 3


def test_the_command_sets_the_schedule(attune):
    code, out, _ = attune("improve", "--schedule", "votes:20")
    assert (code, out) == (0, "Due after 20 new votes; 0 came in so far.\n")
    assert attune("improve", "--schedule", "hourly")[0] == 2
    assert "votes:20" in attune("improve", "--dry-run")[1]
    assert attune("improve", "--schedule", "off")[0] == 0
