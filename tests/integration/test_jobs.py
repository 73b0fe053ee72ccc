"""Jobs as real workers do them: through kills, stops, cancels, outages and double submission."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

import procrastinate.worker
import psycopg
import pytest

from app import queue
from app.actions.pairs import importing
from app.admin.html import jobs as jobs_html
from app.services import open_services
from app.settings import Settings
from app.worker.crew import Crew, Timing
from pipelines.errors import ConflictError, InputError
from pipelines.indexing import queued
from pipelines.store import (
    document_passages,
    documents,
    evaluations,
    freezes,
    job_progress,
    jobs,
    pair_passages,
    pairs,
    queue_workers,
    replicas,
)
from pipelines.store.embedded import EmbeddedPostgres
from pipelines.store.job_progress import Hold
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import build_tiny_model, scripted_llm
from tests.workers import until, working
from training.pairs.seedfile import SeedFile

ASKED = json.dumps({"questions": ["How many ships has the old harbour?"]})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def services(module_dsn, tiny_model, home):
    """With one document of ten passages long enough to be asked about."""
    given = {"home": home, "DATABASE_URL": module_dsn, "base_model": str(tiny_model)}
    with open_services(Settings(device="cpu", **given)) as opened:
        with opened.pool.connection() as conn:
            texts = [f"{text} " * 4 for text in made.passages(10)]
            add_document(conn, opened.replica.current(), "one", texts)
        yield opened


class Model:
    """A language model that answers only when it may."""

    def __init__(self, llm):
        self.llm, self.may_answer = llm, threading.Event()
        llm.script = [self._answer]

    def _answer(self, call):
        self.may_answer.wait(60)
        call.say(ASKED)


@pytest.fixture(scope="module")
def model():
    with scripted_llm() as llm:
        found = Model(llm)
        yield found
        found.may_answer.set()


@pytest.fixture(scope="module")
def start(services, model, home, module_dsn, tiny_model):
    """Starts a worker."""
    environment = {"OPENAI_BASE_URL": model.llm.url, "ATTUNE_LLM": "m"}
    return lambda: working(home, module_dsn, tiny_model, **environment)


@pytest.fixture(scope="module")
def worker(start):
    """A worker for all tests that leave it alive."""
    with start() as found:
        yield found


@pytest.fixture
def asking(services, model):
    """A job that runs until the model may answer: pairs of ten passages, made again."""
    model.may_answer.clear()
    model.llm.requests.clear()
    return queue.defer(
        services, "generate", who="eve", source="llm", per_passage=1, limit=10, again=True
    )


def get(services, job_id):
    with services.pool.connection() as conn:
        return queue.get(conn, job_id)


def status(services, job_id):
    return get(services, job_id).status


def test_a_job_outlives_its_workers(services, model, start, asking, request):
    """
    The first worker is killed, the second is stopped for a while, and the third is told to end.

    Each time another worker gets the job, later reports of the earlier one are ignored, and in the
    end the work has been done once.
    """

    def taken_again(attempts):
        job = get(services, asking)
        return (job.status, job.attempts) == ("doing", attempts)

    with start() as killed, start() as halted:
        until(lambda: model.llm.requests)
        if halted.busy:
            killed, halted = halted, killed
        began = time.monotonic()
        killed.kill()
        until(lambda: taken_again(1))
        assert time.monotonic() - began < 45
        halted.process.send_signal(signal.SIGSTOP)
        with start() as ended:
            until(lambda: taken_again(2))
            halted.process.send_signal(signal.SIGCONT)
            time.sleep(2)
            assert taken_again(2)
            halted.stop()
            assert taken_again(2)
            assert ended.stop() < 5
            assert ended.process.returncode == 143
    job = get(services, asking)
    assert (job.status, job.attempts, job.fault) == ("todo", 2, None)
    model.may_answer.set()
    request.getfixturevalue("worker")
    until(lambda: status(services, asking) == "succeeded")
    job = get(services, asking)
    assert (job.task, job.queue, job.args["who"]) == ("generate", "train", "eve")
    assert job.result["passages"] == 10
    with services.pool.connection() as conn:
        assert len(pair_passages.done(conn, "llm:m")) == 10
        stored = pairs.select(conn, limit=100)
    assert len({(pair.question, pair.passage_sha256) for pair in stored}) == len(stored)


def test_waiting_and_running_jobs_are_cancelled_and_can_be_retried(services, model, worker, asking):
    until(lambda: model.llm.requests)
    waiting = queue.defer(services, "train", who="eve", run_id=77)
    assert queue.cancel(services, waiting).status == "cancelled"
    began = time.monotonic()
    assert queue.cancel(services, asking).stopping
    until(lambda: status(services, asking) == "aborted")
    assert time.monotonic() - began < 5
    with pytest.raises(ConflictError, match="ended already: stopped"):
        queue.cancel(services, asking)
    model.may_answer.set()
    assert queue.retry(services, asking).status == "todo"
    until(lambda: status(services, asking) == "succeeded")
    with pytest.raises(ConflictError, match="cannot be tried again: done"):
        queue.retry(services, asking)


def test_a_failed_job_says_why_and_is_retried(services, worker):
    job_id = queue.defer(services, "build", who="eve", name="v9")
    until(lambda: status(services, job_id) == "failed")
    assert "There is no version v9" in get(services, job_id).fault
    queue.retry(services, job_id)
    until(lambda: get(services, job_id).attempts == 1)
    assert "There is no version v9" in get(services, job_id).fault
    with pytest.raises(InputError, match="no job 4711"):
        queue.cancel(services, 4711)


def test_the_same_waits_once(services):
    """Without a worker that would take it meanwhile."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        first = queue.defer_in(conn, "promote", who="eve", name="v1")
        with pytest.raises(ConflictError, match=f"queued already as job {first}"):
            queue.defer_in(conn, "promote", who="ada", name="v1")
        queue.defer_in(conn, "promote", who="ada", name="v2")


def test_uploads_are_indexed_and_replaced_and_say_why_they_failed(services, worker):
    def put(name, content):
        with services.pool.connection() as conn:
            return queued.put(conn, source=name, title=name, content=content, collection="up")

    def index(*ids):
        job_id = queue.defer(services, "ingest", who="eve", document_ids=list(ids))
        until(lambda: status(services, job_id) == "succeeded")
        return get(services, job_id).result

    def stored(document_id):
        with services.pool.connection() as conn:
            return documents.get(conn, document_id), document_passages.of_document(
                conn, document_id
            )

    good = put("notes.txt", b"The harbour has two piers and an old light. " * 5)
    empty, strange = put("empty.txt", b""), put("sound.mp3", b"ID3")
    assert stored(good.document_id)[0].status == "queued"
    found = index(good.document_id, empty.document_id, strange.document_id)
    assert found["indexed"] == 1
    assert [f["source"] for f in found["failed"]] == ["empty.txt", "sound.mp3"]
    assert "empty" in stored(empty.document_id)[0].reason
    assert ".mp3 files are not read" in stored(strange.document_id)[0].reason
    # The same file is known. A changed one replaces it.
    assert (
        put("notes.txt", b"The harbour has two piers and an old light. " * 5).status == "unchanged"
    )
    assert (
        put("copy.txt", b"The harbour has two piers and an old light. " * 5).status == "duplicate"
    )
    changed = put("notes.txt", b"The harbour has three piers now, and a new light. " * 5)
    assert stored(good.document_id)[0].status == "indexed"
    assert index(changed.document_id)["indexed"] == 1
    assert stored(good.document_id)[0] is None
    # A document that is indexed again stays searchable until its successor is. A failed one is retried.
    with services.pool.connection() as conn:
        again = queued.put_again(conn, [changed.document_id, empty.document_id])
    assert again[1] == empty.document_id
    assert stored(changed.document_id)[0].status == "indexed"
    found = index(*again)
    assert (found["indexed"], len(found["failed"])) == (1, 1)
    assert stored(changed.document_id)[0] is None
    assert "three piers" in stored(again[0])[1][0].text


def test_a_file_of_pairs_is_imported_once(services, worker):
    """Its pairs are there with the job's result, and the file is no longer kept."""
    texts = [f"The tide table of number {n} is kept in room {n}." for n in range(60)]
    seed = SeedFile(
        {f"q{n}": f"Where is the tide table of number {n}?" for n in range(60)},
        {f"p{n}": text for n, text in enumerate(texts)},
        {f"q{n}": [f"p{n}"] for n in range(60)},
    )
    job_id = importing.leave(services, seed, "tides.json", "train", who="eve")
    until(lambda: status(services, job_id) == "succeeded")
    result = get(services, job_id).result
    with services.pool.connection() as conn:
        taken = [p for p in pairs.select(conn) if p.origin == "tides.json"]
        assert conn.execute("select count(*) from pair_file").fetchone() == (0,)
    assert result["stored"] == len(taken) == 60
    assert result["accepted"] == sum(pair.status == "accepted" for pair in taken)
    again = importing.leave(services, seed, "tides.json", "train", who="eve")
    until(lambda: status(services, again) == "succeeded")
    assert get(services, again).result["stored"] == 0


def test_what_a_worker_lost_it_no_longer_writes(services):
    """The writes of a job ask whose it is, in the statement itself."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        job_id = queue.defer_in(conn, "cleanup", who="eve")
        conn.execute("insert into procrastinate.procrastinate_workers default values")
        conn.execute("set local search_path to procrastinate, public")
        (worker_id,) = conn.execute("select max(id) from procrastinate_workers").fetchone()
        conn.execute("select procrastinate_fetch_job_v2(array['documents'], %s)", (worker_id,))
        hold = Hold(job_id, worker_id)
        job_progress.begin(conn, hold, "cleanup")
        assert job_progress.note(conn, hold, "filling", 1, 2)
        assert job_id not in dict(queue_workers.rescue(conn, timedelta(seconds=30), 3))
        assert (job_id, "queued") in queue_workers.rescue(conn, timedelta(seconds=-1), 3)
        assert not job_progress.note(conn, hold, "filling", 2, 2)
        assert not job_progress.set_result(conn, hold, {})
        job = queue.get(conn, job_id)
        assert (job.status, job.done, job.result, job.attempts) == ("todo", 1, None, 1)


def test_a_comparison_goes_on_where_its_worker_was_killed(
    services, tiny_model, start, home, tmp_path
):
    """The first model is not measured again. Its kept results are in the report."""
    second = build_tiny_model(tmp_path, seed=1)
    words = [a + b for a in "abcdefghijklmnop" for b in "aeioun"]
    texts = [" ".join(words[(n * k) % 96] for k in range(1, 80)) for n in range(1, 120)]
    path = tmp_path / "asked.json"
    queries = {f"q{n}": " ".join(text.split()[5:15]) for n, text in enumerate(texts)}
    corpus = {f"p{n}": f"{n} {text}" for n, text in enumerate(texts)}
    relevant = {f"q{n}": [f"p{n}"] for n in range(len(texts))}
    path.write_text(json.dumps({"queries": queries, "corpus": corpus, "relevant_docs": relevant}))
    models = [str(tiny_model), str(second)]
    job_id = queue.defer(services, "evaluate", who="eve", dataset=str(path), models=models)
    kept = home / "evaluations" / "unfinished"
    with start() as killed:
        until(lambda: list(kept.glob("*.facts.json")))
        killed.kill()
    (done,) = kept.glob("*.search with words.json")
    value = json.loads(done.read_text())
    value["timings"]["windows"] = 4711
    done.write_text(json.dumps(value))
    with services.pool.connection() as conn:
        assert [
            (i, how) for i, how in queue_workers.rescue(conn, timedelta(0), 3) if i == job_id
        ] == [(job_id, "queued")]
    job = get(services, job_id)
    assert "its worker ended" in jobs_html.state(job)
    with start():
        job = until(lambda: (j := get(services, job_id)).status == "succeeded" and j)
    with services.pool.connection() as conn:
        stored = evaluations.get(conn, job.result["evaluation"])
    windows = [model["timings"]["windows"] for model in stored.figures["models"]]
    assert windows[0] == 4711
    assert windows[1] not in (0, 4711)
    assert list(kept.iterdir()) == []


def test_a_job_that_ends_its_workers_again_and_again_fails(services):
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        job_id = queue.defer_in(conn, "build", who="eve", name="v3")
        conn.execute("set local search_path to procrastinate, public")
        for end in ("queued", "queued", "failed"):
            conn.execute("update procrastinate_jobs set status = 'doing' where id = %s", (job_id,))
            job_progress.begin(conn, Hold(job_id, 0), "build")
            assert (job_id, end) in queue_workers.rescue(conn, timedelta(seconds=30), 3)
        assert "3 times" in queue.get(conn, job_id).fault


def test_a_job_whose_worker_stood_still_twice_fails(services):
    """It says so, and not that its worker ended. A person's retry resets the count."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        job_id = queue.defer_in(conn, "build", who="eve", name="v3")
        conn.execute("set local search_path to procrastinate, public")
        worker_id = new_worker(conn)
        for end in ("queued", "failed"):
            run_by(conn, job_id, worker_id)
            assert freezes.rescue(conn, [worker_id]) == [(job_id, end)]
        assert "froze twice" in queue.get(conn, job_id).fault
        jobs.retry(conn, job_id)
        freezes.forget(conn, job_id)
        run_by(conn, job_id, worker_id)
        assert freezes.rescue(conn, [worker_id]) == [(job_id, "queued")]
        # A worker that was killed is no sign that the job stops it.
        run_by(conn, job_id, worker_id)
        assert queue_workers.rescue_from(conn, [worker_id], 6) == [(job_id, "queued")]
        assert queue_workers.rescue_from(conn, [worker_id + 1], 6) == []


def test_only_the_file_that_was_under_way_each_time_fails(services):
    """The job continues with the others, however often that happens."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        given = [
            queued.put(conn, source=f"{n}.txt", title=f"{n}", content=b"%d" % n).document_id
            for n in range(3)
        ]
        job_id = queue.defer_in(conn, "ingest", who="eve", document_ids=given)
        conn.execute("set local search_path to procrastinate, public")
        worker_id = new_worker(conn)
        for under_way in (given, given[:1], given[1:2]):  # together, then one after the other
            run_by(conn, job_id, worker_id)
            for document_id in under_way:
                documents.start(conn, document_id)
            assert freezes.rescue(conn, [worker_id]) == [(job_id, "queued")]
            assert freezes.any_of(conn, job_id)
        found = documents.get_many(conn, given)
        assert [document.status for document in found] == ["failed", "failed", "queued"]
        assert "froze twice" in found[0].reason


def test_a_worker_is_heard_of_while_its_event_loop_is_late(services, monkeypatch):
    """The queue's own sign of life comes from that loop, and not at all here."""

    async def late(_):
        await asyncio.sleep(3600)

    monkeypatch.setattr(procrastinate.worker.Worker, "_update_heartbeat", late)
    timing = Timing(beat_s=0.2, rescue_s=3600, upkeep_s=3600)
    crew = Crew(services, ["index"], timing)
    with services.pool.connection() as conn:
        conn.autocommit = True
        before = newest(conn)
        thread = threading.Thread(target=crew.work)
        thread.start()
        (number, first) = until(lambda: (row := newest(conn)) != before and row)
        until(lambda: newest(conn) > (number, first + timedelta(seconds=1)))
        conn.autocommit = False
    crew._stopping.set()  # `stop` would end this process
    thread.join(60)
    assert not thread.is_alive()


def newest(conn):
    """The newest worker that the queue knows, and when it was last heard of."""
    return conn.execute(
        "select id, last_heartbeat from procrastinate.procrastinate_workers order by id desc limit 1"
    ).fetchone()


def new_worker(conn):
    """A worker that the queue knows, and nothing else does."""
    return conn.execute("insert into procrastinate_workers default values returning id").fetchone()[
        0
    ]


def run_by(conn, job_id, worker_id):
    """Let a worker have begun a job."""
    conn.execute(
        "update procrastinate_jobs set status = 'doing', worker_id = %s where id = %s",
        (worker_id, job_id),
    )
    job_progress.begin(conn, Hold(job_id, worker_id), "build")


def test_a_stalled_job_does_not_hold_up_the_rescue_when_another_of_its_kind_waits(services):
    """Only one of a kind may wait: the stalled one is given up for it, and others are rescued."""
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        stalled = queue.defer_in(conn, "cleanup", who="eve")
        other = queue.defer_in(conn, "build", who="eve", name="v3")
        conn.execute("set local search_path to procrastinate, public")
        conn.execute(
            "update procrastinate_jobs set status = 'doing', queueing_lock = 'cleanup'"
            " where id = %s",
            (stalled,),
        )
        conn.execute("update procrastinate_jobs set status = 'doing' where id = %s", (other,))
        waiting = queue.defer_in(conn, "cleanup", who="eve")
        conn.execute(
            "update procrastinate_jobs set queueing_lock = 'cleanup' where id = %s", (waiting,)
        )
        found = dict(queue_workers.rescue(conn, timedelta(seconds=30), 3))
        assert (found[stalled], found[other]) == ("aborted", "queued")
        assert queue.get(conn, waiting).status == "todo"


def test_old_jobs_are_forgotten_with_their_progress(services):
    with services.pool.connection() as conn, conn.transaction(force_rollback=True):
        job_id = queue.defer_in(conn, "cleanup", who="eve")
        job_progress.begin(conn, Hold(job_id, 0), "cleanup")
        assert jobs.cancel(conn, job_id)
        assert not jobs.any_old(conn, timedelta(days=1))
        conn.execute(
            "update procrastinate.procrastinate_events set at = now() - interval '2 days'"
            " where job_id = %s",
            (job_id,),
        )
        assert jobs.any_old(conn, timedelta(days=1))
        assert jobs.forget_old(conn, timedelta(days=1)) == 1
        assert jobs.get(conn, job_id) is None
        (left,) = conn.execute(
            "select count(*) from job_progress where job_id = %s", (job_id,)
        ).fetchone()
        assert left == 0


def test_worker_and_pool_outlive_an_outage_of_the_database(model, tiny_model):
    """
    The database is away for longer than any timeout, in the middle of a job.

    When it is back, the worker continues the job, and the rest of the program works as before.
    """
    folder = Path(tempfile.mkdtemp(prefix="attune-"))  # short: the database's socket lies in it
    with EmbeddedPostgres(folder / "db") as server:
        given = {"home": folder, "DATABASE_URL": server.dsn, "base_model": str(tiny_model)}
        environment = {"OPENAI_BASE_URL": model.llm.url, "ATTUNE_LLM": "m"}
        model.may_answer.clear()
        model.llm.requests.clear()
        with (
            open_services(Settings(device="cpu", **given)) as services,
            working(folder, server.dsn, tiny_model, **environment) as worker,
        ):
            services.replica.start()
            with services.pool.connection() as conn:
                add_document(conn, services.replica.current(), "one", made.passages(10))
                add_document(conn, services.replica.current(), "long", [made.passages(1)[0] * 4])
            job_id = queue.defer(services, "generate", who="eve", source="llm", per_passage=1)
            until(lambda: model.llm.requests)
            stop_postgres(folder / "db" / "pg")
            time.sleep(4)
            model.may_answer.set()
            server.revive()
            until(lambda: answers(services), within_s=20)
            until(lambda: status(services, job_id) == "succeeded")
            assert "the database is away" in worker.log
            until(lambda: beats(services), within_s=10)
    shutil.rmtree(folder, ignore_errors=True)


def stop_postgres(data):
    """As a crash would."""
    pid = int((data / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)
    until(lambda: not (data / "postmaster.pid").exists())


def answers(services):
    try:
        return get_any(services)
    except psycopg.OperationalError:
        return False


def get_any(services):
    with services.pool.connection(timeout=1) as conn:
        return bool(jobs.recent(conn))


def beats(services):
    """Whether this process is heard of as a replica."""
    with services.pool.connection() as conn:
        return any(row.live and row.id == services.replica.id for row in replicas.list_all(conn))
