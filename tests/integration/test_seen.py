"""What an operator sees: metrics, readiness, log lines and traces."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import time

import pytest
from prometheus_client import REGISTRY

from app import log as log_module
from app import tracing, trail
from app.actions import keys
from app.actions.keys import KeyWish
from app.services import open_services
from app.settings import Settings
from app.web.watching.loop import LoopWatch
from app.web.watching.requests import route_of
from pipelines.answering.answer import Answerer
from pipelines.answering.llm import LLMOptions, count_tokens, explain
from pipelines.store import jobs, queue_workers
from tests.corpus import add_document
from tests.serving_app import running

SECRET = "xylophone harmonica"


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.fixture(scope="module")
def site(module_dsn, tiny_model, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with running(module_dsn, tiny_model, home, admin_password="secret") as started:
        with started.services.pool.connection() as conn:
            handle = started.services.replica.current()
            add_document(conn, handle, "one", [f"The {SECRET} costs nine pounds. " * 5])
        yield started


def test_requests_are_counted_by_route_and_status_and_named(site):
    """Paths that strangers make up are one route. A proxy's id for a request is kept."""
    client = site.client()
    before = value("attune_http_requests_total", route="other", status="404")
    for path in ("/made-up/1", "/made-up/2"):
        client.get(path)
    assert value("attune_http_requests_total", route="other", status="404") == before + 2
    asked = value("attune_http_requests_total", route="/v1/models", status="401")
    refused = client.get("/v1/models", headers={"x-request-id": "from-the-proxy.1"})
    assert value("attune_http_requests_total", route="/v1/models", status="401") == asked + 1
    assert refused.headers["x-request-id"] == "from-the-proxy.1"
    made = client.get("/healthz", headers={"x-request-id": "a b\x7f{}"}).headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{12}", made)
    assert value("attune_http_seconds_count", route="/healthz") >= 1
    assert (route_of("/v1x"), route_of("/admin"), route_of("/")) == ("other", "/admin", "/")


@pytest.mark.usefixtures("one_window")
def test_refused_sign_ins_are_counted(site):
    before = value("attune_logins_refused_total", reason="wrong password")
    site.client().post("/login", data={"password": "wrong"})
    assert value("attune_logins_refused_total", reason="wrong password") == before + 1
    before = value("attune_logins_refused_total", reason="too many tries")
    for _ in range(5):
        site.client().post("/login", data={"password": "wrong"})
    assert value("attune_logins_refused_total", reason="too many tries") > before


def test_metrics_show_queue_pool_and_workers(site):
    """As the database has them: the worker's process is not asked."""
    from app import queue

    job = queue.defer(site.services, "cleanup", who="test")
    with site.services.pool.connection() as conn:
        conn.execute(
            "update procrastinate.procrastinate_events set at = now() - interval '1 hour'"
            " where job_id = %s", (job,),
        )  # fmt: skip
        conn.execute(
            "insert into procrastinate.procrastinate_workers (last_heartbeat) values (now())"
        )
        (state,) = queue_workers.states(conn)
    assert (state.queue, state.waiting, state.workers) == ("documents", 1, 1)
    assert 3595 < state.oldest_s < 3700
    assert abs(state.heard_at - time.time()) < 60
    text = site.client().get("/metrics").text
    assert 'attune_jobs_waiting{queue="documents"} 1.0' in text
    assert re.search(r'attune_jobs_oldest_seconds{queue="documents"} 36\d\d', text)
    assert 'attune_workers{queue="documents"} 1.0' in text
    for name in ("attune_pool_waiting 0.0", "attune_pool_used", "attune_loop_lag_seconds"):
        assert name in text
    with site.services.pool.connection() as conn:
        with jobs.queue_schema(conn):
            conn.execute("update procrastinate_jobs set status = 'failed'")
        (state,) = queue_workers.states(conn)
    assert (state.waiting, state.oldest_s, state.failed) == (0, 0, 1)


def test_llm_faults_and_tokens_are_counted():
    """Tokens only where the endpoint tells them, and in the form that it should."""
    before = value("attune_llm_tokens_total", kind="prompt")
    for told in ({"prompt_tokens": 7, "completion_tokens": 3}, {}, None, {"prompt_tokens": "x"}):
        count_tokens(told)
    assert value("attune_llm_tokens_total", kind="prompt") == before + 7
    before = value("attune_llm_errors_total", type="TimeoutError")
    explain(TimeoutError(), LLMOptions("m"))
    assert value("attune_llm_errors_total", type="TimeoutError") == before + 1


@pytest.mark.parametrize("fault", ["disk", "database", "loop", None])
def test_readiness_fails_with_its_reason(site, monkeypatch, fault):
    if fault == "disk":
        site.services.disk.note_full()
    elif fault == "database":
        monkeypatch.setattr(site.services.pool, "connection", _no_connection)
    elif fault == "loop":
        monkeypatch.setattr(LoopWatch, "is_stuck", True)
    answer = site.client().get("/readyz")
    site.services.disk.note_written()
    assert answer.status_code == (503 if fault else 200)
    reasons = {"disk": "disk is full", "database": "PoolTimeout", "loop": "held up", None: "ready"}
    assert reasons[fault] in answer.text


def _no_connection(**_):
    from psycopg_pool import PoolTimeout

    raise PoolTimeout


def test_a_loop_that_is_held_up_is_noticed():
    """Also while it still is, by a thread that asks."""
    watch = LoopWatch()

    async def hold() -> tuple[float, float]:
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(1.1)
        free = watch.worst_s()
        time.sleep(3)  # whatever blocks it
        await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        task.cancel()
        return free, watch.worst_s()

    free, held = asyncio.run(hold())
    assert free < 1.8 < held
    found = []
    for lag_s, silent_s in ((1, 0), (6, 0), (0, 1), (0, 8)):
        watch = LoopWatch()
        watch.note(lag_s)
        watch._looked -= silent_s
        found.append(watch.is_stuck)
    assert found == [False, True, False, True]


@pytest.fixture
def own_level():
    """The log's level afterwards is the one before."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.mark.usefixtures("own_level")
@pytest.mark.parametrize("form", ["text", "json"])
def test_log_lines_say_when_where_and_for_whom(form, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(log_module, "NOISY", ())  # the levels would stay for the tests after
    log_module.start_log(Settings().model_copy(update={"log_format": form}), "worker")
    with trail.following(request="r1", visitor="0123abcd", job=""):
        logging.getLogger("x").warning("two\nlines of %s", "ü")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("x").exception("incident")
    if form == "json":
        first, second = map(json.loads, stream.getvalue().splitlines())
        assert first["message"] == "two\nlines of ü"
        assert (first["request"], first["visitor"], first["process"]) == (
            "r1",
            "0123abcd",
            "worker",
        )
        assert first["level"] == "warning"
        assert "job" not in first
        assert "request" not in second
        assert "ValueError: broken" in second["trace"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["time"])
    else:
        line = stream.getvalue()
        assert re.match(
            r"\d{4}-\d\d-\d\dT[\d:.]+Z worker: WARNING two\nlines of ü request=r1", line
        )
        assert "ValueError: broken" in line


@pytest.fixture
def spans():
    """What is recorded, as OpenTelemetry's own exporter for tests gets it."""
    pytest.importorskip("opentelemetry.sdk", reason="attune[otel] is not installed")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def start(*, with_text=False):
        tracing.use(provider.get_tracer("test"), with_text=with_text)
        return exporter

    yield start
    tracing.stop()


def asked_by_key(site):
    token = keys.make(site.services, KeyWish("k", ["ask"]), who="test")
    answer = site.client(authorization=f"Bearer {token}").post(
        "/api/v1/ask", json={"question": f"What does the {SECRET} cost?"},
        headers={"x-request-id": "of-this-test"},
    )  # fmt: skip
    assert "nine pounds" in answer.json()["answer"]


@pytest.mark.parametrize("with_text", [False, True])
def test_a_question_is_one_trace_without_its_text(dsn, tiny_model, tmp_path, spans, with_text):
    settings = {"otlp_endpoint": "http://127.0.0.1:1", "trace_text": with_text}
    exporter = spans(with_text=with_text)
    with running(dsn, tiny_model, tmp_path, **settings) as site:
        with site.services.pool.connection() as conn:
            handle = site.services.replica.current()
            add_document(conn, handle, "one", [f"The {SECRET} costs nine pounds. " * 5])
        asked_by_key(site)
    found = exporter.get_finished_spans()
    (question,) = [one for one in found if one.name == "attune.question"]
    assert question.attributes["attune.kind"] == "extracts"
    assert question.attributes["attune.request"] == "of-this-test"
    assert question.attributes["attune.search_ms"] > 0
    steps = [one for one in found if one.name == "haystack.component.run"]
    names = {one.attributes["haystack.component.name"] for one in steps}
    assert {"embed", "retrieve"} <= names
    assert {one.context.trace_id for one in found} == {question.context.trace_id}
    told = " ".join(one.to_json() for one in found)
    assert (SECRET in told) is with_text


def test_a_failing_question_or_job_is_an_error_without_its_text(spans, pool):
    exporter = spans()
    with pytest.raises(ValueError, match=SECRET), tracing.span("attune.job", task="train"):
        raise ValueError(SECRET)
    (job,) = exporter.get_finished_spans()
    assert (job.status.status_code.name, job.status.description) == ("ERROR", "ValueError")
    assert job.attributes["attune.task"] == "train"
    assert SECRET not in job.to_json()


def test_without_a_collector_nothing_is_traced(dsn, tiny_model, tmp_path):
    settings = Settings(home=tmp_path, base_model=str(tiny_model))
    settings = settings.model_copy(update={"database_url": type(settings.database_url)(dsn)})
    with open_services(settings, pool_size=1) as services:
        assert type(services.answerer) is Answerer
