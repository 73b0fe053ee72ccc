"""
A candidate answers live questions silently. Whatever it does, the visitor's answer is the same.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from app.access.limits import Limits
from app.access.reader import Reader
from app.actions import retrain, versions
from app.chat import turns
from app.chat.stops import Stops
from app.cli.main import app as cli
from app.live import metrics
from app.services import open_services
from app.settings import Settings
from pipelines.errors import ConflictError, InputError, NotReadyError
from pipelines.store import active, chunks, indexes, shadows, votes
from pipelines.versions import build
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import build_tiny_model

QUESTIONS = ["Where is the harbour pier?", "Which ferry goes to the island?", "Who keeps the lamp?"]


@pytest.fixture(scope="module")
def server(module_dsn, tiny_model, tmp_path_factory):
    """A server's services with a built candidate `v1` in addition to the serving version."""
    tmp_path = tmp_path_factory.mktemp("shadow")
    given = {
        "home": tmp_path,
        "DATABASE_URL": module_dsn,
        "base_model": str(tiny_model),
        # It has a time limit, so that the same question may be ranked in two ways.
        "late_interaction": "off",
    }
    with open_services(Settings(**given)) as opened:
        with opened.pool.connection() as conn:
            add_document(conn, opened.replica.current(), "one", made.passages(30))
        larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
        made.register(opened.pool, larger, "v1", tmp_path / "models")
        retrain.build(opened, "v1")
        opened.replica.start()
        yield opened


@pytest.fixture
def services(server):
    """The same, with nothing compared yet, every question drawn, and no shadow afterwards."""
    with server.pool.connection() as conn:
        conn.execute("truncate shadow_result; delete from conversation; delete from audit")
    server.shadow._draw = lambda: 0.0
    yield server
    until(lambda: server.shadow.idle)
    with server.pool.connection() as conn:
        conn.execute("update search_index set wanted = false, shadow_share = 0")


def ask(services, question, visitor="eve", closed=()):
    """The stored answer, by the way the chat asks."""
    limits = Limits(services.pool, services.settings)
    reader = Reader(visitor, "10.0.0.1", frozenset(closed))

    async def last():
        async for step in turns.ask(services, Stops(), limits, reader, None, question):
            found = step
        return found

    return asyncio.run(last()).message


def report(services):
    with services.pool.connection() as conn:
        return versions.shadow_report(conn, "v1")


def until(condition, within_s=20):
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


@contextmanager
def candidate_search(services, instead):
    """`instead(original, question, handle)` in place of every search with the candidate."""
    original = services.answerer.search

    def search(question, handle, **named):
        if handle.model_name == "v1":
            return instead(original, question, handle, **named)
        return original(question, handle, **named)

    services.answerer.search = search
    try:
        yield
    finally:
        del services.answerer.search


def test_a_candidate_answers_beside_the_serving_version(services):
    """Its hits are stored with the shown ones, compared, and printed by the command."""
    versions.shadow(services, "v1", 1, who="eve")
    answers = [ask(services, question) for question in QUESTIONS]
    until(lambda: report(services).questions == len(QUESTIONS))
    found = report(services)
    assert (found.share, found.faults) == (1, 0)
    assert 0 <= found.overlap <= 1
    assert 0 <= found.none_shared <= found.first_differs <= 1
    assert 0 < found.candidate_p50_ms <= found.candidate_p95_ms
    with services.pool.connection() as conn:
        rows = conn.execute(
            "select message_id, shown, candidate, overlap from shadow_result order by message_id"
        ).fetchall()
        texts = [m.model_name for m in answers]
    assert texts == ["base"] * 3
    for answer, (message_id, shown, candidate, overlap) in zip(answers, rows, strict=True):
        assert message_id == answer.id
        assert shown == [passage.chunk_id for passage in answer.shown]
        both = set(shown) & set(candidate[: len(shown)])
        assert overlap == pytest.approx(len(both) / len(shown))


def test_liked_and_disliked_answers_judge_the_candidate(services):
    """Higher where it puts a cited passage above the place it had, by the stored rankings."""
    versions.shadow(services, "v1", 1, who="eve")

    def reversed_ranking(original, question, handle, **named):
        found = original(question, services.replica.current(), **named)
        shown = found.hits[: services.settings.top_k]
        return type(found)(**vars(found) | {"hits": (*reversed(shown), *found.hits[len(shown) :])})

    with candidate_search(services, reversed_ranking):
        answers = [ask(services, question) for question in QUESTIONS[:2]]
        until(lambda: report(services).questions == 2)
    with services.pool.connection() as conn:
        for answer, verdict, cited in zip(answers, ("like", "dislike"), (0, -1), strict=True):
            # The first passage shown is the candidate's last, and the other way round.
            marked = answer.shown[cited].number
            conn.execute(
                "update message set shown = (select jsonb_agg(p || jsonb_build_object('cited',"
                " (p ->> 'number')::int = %s)) from jsonb_array_elements(shown) p) where id = %s",
                (marked, answer.id),
            )
            assert votes.store(conn, "eve", answer.id, verdict)
    found = report(services)
    assert found.liked == shadows.Judged(higher=0, same=0, lower=1)
    assert found.disliked == shadows.Judged(higher=1, same=0, lower=0)
    assert found.preferred == 0
    assert found.overlap == 1
    assert found.first_differs == 1


def test_a_fault_of_the_candidate_stays_away_from_the_answer(services):
    """The answer is the same as without a candidate. The fault is counted and shown."""
    before = ask(services, QUESTIONS[0])
    until(lambda: services.shadow.idle)
    versions.shadow(services, "v1", 1, who="eve")

    def broken(original, question, handle, **named):
        raise RuntimeError("out of memory")

    with candidate_search(services, broken):
        after = ask(services, QUESTIONS[0])
        until(lambda: report(services).faults == 1)
        assert ask(services, QUESTIONS[0]).text == before.text
        until(lambda: services.shadow.idle)
    assert (after.text, after.kind, after.model_name) == (before.text, before.kind, "base")
    assert [p.chunk_id for p in after.shown] == [p.chunk_id for p in before.shown]
    found = report(services)
    assert found.last_fault == "RuntimeError: out of memory"
    assert found.questions == 0


def test_a_slow_candidate_delays_nobody_and_questions_beyond_the_queue_are_dropped(
    services, monkeypatch
):
    monkeypatch.setattr(services.shadow._waiting, "maxsize", 1)
    versions.shadow(services, "v1", 1, who="eve")
    held = threading.Event()
    under_way = threading.Event()

    def stuck(original, question, handle, **named):
        under_way.set()
        assert held.wait(30)
        return original(question, handle, **named)

    dropped = metrics.shadow_dropped._value.get()
    with candidate_search(services, stuck):
        ask(services, QUESTIONS[0])
        assert under_way.wait(20)
        for _ in range(3):
            # Answered while the candidate is still at the first question.
            assert ask(services, QUESTIONS[1]).kind == "extracts"
        held.set()
        until(lambda: report(services).questions == 2)
    assert metrics.shadow_dropped._value.get() == dropped + 2


def test_a_candidate_sees_only_what_the_reader_may(services):
    """It is asked within the same collections as the version that answered."""
    versions.shadow(services, "v1", 1, who="eve")
    with services.pool.connection() as conn:
        add_document(conn, services.replica.current(), "secret", [QUESTIONS[0]], collection="board")
        build.fill(services.pool, services.replica.held(shadows.shadowing(conn)[0].index_id))
    ask(services, QUESTIONS[0], closed={"board"})
    ask(services, QUESTIONS[0])
    until(lambda: report(services).questions == 2)
    with services.pool.connection() as conn:
        (hidden,), (seen,) = conn.execute(
            "select exists (select 1 from chunk c join document d on d.id = c.document_id"
            " where d.collection = 'board' and c.id = any(s.candidate))"
            " from shadow_result s order by s.id"
        ).fetchall()
        (document_id,) = conn.execute(
            "select id from document where collection = 'board'"
        ).fetchone()
        chunks.delete_document(conn, document_id)
    assert (hidden, seen) == (False, True)


def test_only_the_share_is_asked(services):
    """A draw of .5 is within .6 and not within .4."""
    services.shadow._draw = lambda: 0.5
    versions.shadow(services, "v1", 0.4, who="eve")
    ask(services, QUESTIONS[0])
    until(lambda: services.shadow.idle)
    versions.shadow(services, "v1", 0.6, who="eve")
    ask(services, QUESTIONS[1])
    until(lambda: report(services).questions == 1)
    with services.pool.connection() as conn:
        (count,) = conn.execute("select count(*) from shadow_result").fetchone()
    assert count == 1


def test_off_ends_it_and_the_audit_tells_of_both(services):
    versions.shadow(services, "v1", 0.2, who="eve")
    versions.shadow(services, "v1", 0, who="adam")
    with services.pool.connection() as conn:
        assert shadows.shadowing(conn) == []
        said = [(a.action, a.who, a.detail["version"]) for a in active.audits(conn)]
        pointer = active.get(conn)
        assert indexes.kept_loaded(conn) == [pointer.index_id]
    assert said == [("shadow off", "adam", "v1"), ("shadow on", "eve", "v1")]
    ask(services, QUESTIONS[0])
    until(lambda: services.shadow.idle)
    assert report(services).questions == 0


def test_refusals(services):
    with pytest.raises(ConflictError, match="base serves"):
        versions.shadow(services, "base", 0.2, who="eve")
    with pytest.raises(InputError, match="between 0 and 1"):
        versions.shadow(services, "v1", 1.5, who="eve")
    with pytest.raises(InputError, match="no version v9"):
        versions.shadow(services, "v9", 0.5, who="eve")
    made.register(
        services.pool, services.settings.home / "larger/model", "v2", services.settings.home / "m"
    )
    with pytest.raises(NotReadyError, match="not built"):
        versions.shadow(services, "v2", 0.5, who="eve")


def test_the_command_turns_it_on_and_tells_of_it(services, monkeypatch):
    """On, the figures as JSON and as lines, and off again."""

    @contextmanager
    def opened(**_):
        yield services

    monkeypatch.setattr("app.cli.common.services", opened)
    run = CliRunner().invoke
    assert (
        run(cli, ["models", "shadow", "v1", "--share", "1"], catch_exceptions=False).exit_code == 0
    )
    ask(services, QUESTIONS[0])
    until(lambda: report(services).questions == 1)
    told = json.loads(run(cli, ["models", "shadow", "v1", "--json"]).stdout)
    assert (told["version"], told["share"], told["questions"]) == ("v1", 1, 1)
    assert told["liked"] == {"higher": 0, "same": 0, "lower": 0}
    shown = run(cli, ["models", "shadow", "v1"]).stdout
    assert "answers 100% of questions silently" in shown
    assert "overlap" in shown
    assert "silently, 1 so far: overlap" in run(cli, ["models", "status"]).stdout
    stated = json.loads(run(cli, ["models", "status", "--json"]).stdout)["versions"]
    assert [v["shadow"] and v["shadow"]["questions"] for v in stated[:2]] == [None, 1]
    assert "is no shadow" in run(cli, ["models", "shadow", "v1", "--off"]).stdout
