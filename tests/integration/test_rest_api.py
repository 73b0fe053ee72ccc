"""/api/v1 as its description says: made-up requests, answers with feedback, versions and jobs."""

from __future__ import annotations

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.access.keys import is_interface
from app.actions import keys
from app.actions.keys import KeyWish
from app.web.api import openapi
from pipelines.store import feedback
from tests import versions as made
from tests.corpus import add_document
from tests.serving_app import listening

SPECIFICATION = openapi.specification()
EXAMPLES = 6
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
OPERATIONS = [
    (method, path) for path, methods in SPECIFICATION["paths"].items() for method in methods
]


@pytest.fixture(scope="module")
def served(module_dsn, tiny_model, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with listening(module_dsn, tiny_model, home, readers="hr=admins") as started:
        with started.services.pool.connection() as conn:
            texts = [f"{text} " * 4 for text in made.passages(12)]
            add_document(conn, started.services.replica.current(), "one", texts)
        yield started


def key_for(served, *scopes):
    return keys.make(served.services, KeyWish("program", scopes, per_minute=0), who="test")


def client_of(served, *scopes):
    return served.client(authorization=f"Bearer {key_for(served, *scopes)}")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_made_up_requests_are_answered_as_described(served, method, path):
    """Valid or not: no server fault, no status, type or form that the description lacks."""
    schema = schemathesis.openapi.from_dict(SPECIFICATION)
    headers = {"authorization": f"Bearer {key_for(served, 'ask', 'ingest', 'admin')}"}

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=schema[path][method.upper()].as_strategy())
    def ask(case):
        response = case.call(base_url=served.url, headers=headers, timeout=60)
        case.validate_response(response, checks=CHECKS)

    ask()


def test_every_route_is_described(served):
    """And nothing else is."""
    routes = {
        (method.lower(), route.path)
        for route in served.app.routes
        if is_interface(getattr(route, "path", "")) and route.path.startswith("/api/v1")
        if ":path" not in route.path
        for method in route.methods - {"HEAD"}
    }
    assert routes == set(OPERATIONS)


def test_the_description_and_its_page_are_there(served):
    with served.client() as client:
        assert client.get(openapi.SPECIFICATION).json() == SPECIFICATION
        page = client.get(openapi.PAGE).text
    assert all(path in page for _, path in OPERATIONS)


def test_the_page_is_as_closed_as_the_chat(dsn, tiny_model, tmp_path):
    closed = listening(dsn, tiny_model, tmp_path, chat_password="x")
    with closed as started, started.client() as client:
        assert client.get(openapi.SPECIFICATION).status_code == 401
        assert client.get(openapi.PAGE).status_code == 401


def test_an_answer_takes_feedback_from_its_own_key(served):
    """It counts like a vote in the chat. Another key's answers are not there."""
    question = made.passages(12)[3]
    with client_of(served, "ask") as client, client_of(served, "ask") as other:
        told = client.post("/api/v1/ask", json={"question": question}).json()
        vote = {"answer_id": told["answer_id"], "verdict": "like"}
        assert other.post("/api/v1/feedback", json=vote).status_code == 404
        assert client.post("/api/v1/feedback", json=vote).status_code == 204
        assert client.post("/api/v1/ask", json={"question": " "}).status_code == 400
        closed = {"question": question, "collections": ["hr"]}
        assert client.post("/api/v1/ask", json=closed).status_code == 400
    assert told["answer"]
    assert told["question"] == question
    with served.services.pool.connection() as conn:
        (liked,) = feedback.page(conn, "liked")
    assert (liked.question, liked.message_id) == (question, told["answer_id"])


def test_an_admin_key_sees_and_moves_versions_and_jobs(served):
    with client_of(served, "admin") as client:
        (version,) = client.get("/api/v1/versions").json()["versions"]
        assert (version["name"], version["state"]) == ("base", "serving")
        assert client.get("/api/v1/versions/base").json() == version
        assert client.get("/api/v1/versions/v9").status_code == 404
        assert client.post("/api/v1/versions/v9/promote").status_code == 404
        assert client.post("/api/v1/rollback").status_code == 400  # there is none before
        job = client.post("/api/v1/versions/base/promote")
        assert (job.status_code, job.json()["status"]) == (202, "queued")
        assert job.json()["by"] == "key program"
        at = f"/api/v1/jobs/{job.json()['id']}"
        assert client.post("/api/v1/versions/base/promote").status_code == 409  # it waits already
        assert client.get(at).json()["task"] == "promote"
        assert client.post(f"{at}/cancel").json()["status"] == "cancelled"
        assert client.post(f"{at}/cancel").status_code == 409
        assert client.post(f"{at}/retry").json()["status"] == "queued"
        assert at.rsplit("/", 1)[1] in {
            str(one["id"]) for one in client.get("/api/v1/jobs?limit=5").json()["jobs"]
        }
        assert client.get("/api/v1/jobs/9" + "9" * 18).status_code == 404
        assert client.get("/api/v1/jobs?limit=0").status_code == 400
