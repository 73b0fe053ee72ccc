"""Documents over /api/v1, as a program adds, follows, finds and deletes them."""

from __future__ import annotations

import pytest

from app.actions import keys
from app.actions.ingest import open_ingester
from app.actions.keys import KeyWish
from pipelines.indexing import queued
from pipelines.store import active, document_list
from tests.serving_app import forget_everything, listening

TEXT = "the lamp of the island " * 20


@pytest.fixture(scope="module")
def started(module_dsn, tiny_model, tmp_path_factory):
    settings = {"readers": "hr=admins", "max_upload_mb": 1}
    with listening(module_dsn, tiny_model, tmp_path_factory.mktemp("home"), **settings) as found:
        yield found


@pytest.fixture
def served(started):
    """A server without documents."""
    forget_everything(started.services)
    return started


def client_of(served, scopes=("ask", "ingest"), collections=()):
    wish = KeyWish("program", scopes, collections, per_minute=0)
    token = keys.make(served.services, wish, who="test")
    return served.client(authorization=f"Bearer {token}")


def work(served):
    """What a worker would do."""
    with served.services.pool.connection() as conn:
        waiting = [row.document.id for row in document_list.list_all(conn)]
    with open_ingester(served.services) as ingester:
        queued.index(served.services.pool, ingester, waiting)


def test_a_document_comes_and_goes(served):
    """Queued, indexed, found, deleted, and in the audit under the key's name."""
    with client_of(served) as client:
        put = client.post("/api/v1/documents", params={"name": "lamp.txt"}, content=TEXT)
        assert put.status_code == 201
        assert (put.json()["status"], put.json()["collection"]) == ("queued", "default")
        at = f"/api/v1/documents/{put.json()['id']}"
        assert client.get(at).json()["status"] == "queued"
        work(served)
        assert client.get(at).json()["status"] == "indexed"
        again = client.post("/api/v1/documents", params={"name": "lamp.txt"}, content=TEXT)
        assert again.json()["status"] == "indexed"
        listed = client.get("/api/v1/documents").json()["documents"]
        assert [row["title"] for row in listed] == ["lamp.txt"]
        found = client.post("/api/v1/search", json={"question": "the lamp", "top_k": 3}).json()
        assert found["passages"][0]["document_id"] == put.json()["id"]
        assert client.delete(at).status_code == 204
        assert client.get(at).status_code == 404
        assert client.delete(at).status_code == 404
        assert client.post("/api/v1/search", json={"question": "the lamp"}).json()["passages"] == []
    with served.services.pool.connection() as conn:
        (last,) = active.audits(conn, limit=1)
    assert (last.who, last.action) == ("key program", "delete documents")


def test_a_key_sees_and_changes_its_collections_alone(served):
    """Closed and private collections need a key that names them. Nobody's key names private ones."""
    with client_of(served, collections=["hr"]) as hr, client_of(served) as anyone:
        put = hr.post(
            "/api/v1/documents", params={"name": "a.txt", "collection": "hr"}, content=TEXT
        )
        at = f"/api/v1/documents/{put.json()['id']}"
        assert hr.get(at).status_code == 200
        assert anyone.get(at).status_code == 404
        assert anyone.delete(at).status_code == 404
        assert anyone.get("/api/v1/documents").json()["documents"] == []
        closed = anyone.post(
            "/api/v1/documents", params={"name": "b.txt", "collection": "hr"}, content=TEXT
        )
        assert closed.status_code == 403
        assert (
            hr.post("/api/v1/documents", params={"name": "b.txt"}, content=TEXT).status_code == 403
        )
        private = {"name": "c.txt", "collection": "visitor:x"}
        for client in (hr, anyone):
            answer = client.post("/api/v1/documents", params=private, content=TEXT)
            assert answer.status_code == 400
        work(served)
        assert anyone.post("/api/v1/search", json={"question": "the lamp"}).json()["passages"] == []
        assert hr.post("/api/v1/search", json={"question": "the lamp"}).json()["passages"]


def test_a_search_can_be_limited(served):
    """To collections and documents by id or name. What fits nothing is refused, and names nothing closed."""
    with client_of(served) as client, client_of(served, collections=["hr"]) as hr:
        ids = {}
        for name, to, by in [
            ("lamp.txt", "default", client),
            ("lamps.txt", "b", client),
            ("pay.txt", "hr", hr),
        ]:
            put = by.post(
                "/api/v1/documents",
                params={"name": name, "collection": to},
                content=f"{TEXT}{name}",
            )
            ids[name] = put.json()["id"]
        work(served)

        def found(by=client, **limits):
            answer = by.post("/api/v1/search", json={"question": "the lamp", **limits})
            if answer.status_code != 200:
                return answer.status_code, answer.json()["error"]["message"]
            return {hit["title"] for hit in answer.json()["passages"]}

        assert found() == {"lamp.txt", "lamps.txt"}
        assert found(documents=[ids["lamp.txt"]]) == {"lamp.txt"}
        assert found(documents="lamps.txt") == {"lamps.txt"}
        assert found(collections=["b"]) == {"lamps.txt"}
        assert found(collections=["b"], documents=[ids["lamp.txt"]]) == {"lamp.txt", "lamps.txt"}
        assert found(hr, documents=["pay"]) == {"pay.txt"}
        for limits in ({"documents": [ids["pay.txt"]]}, {"documents": ["pay"]}, {"documents": "payy.txt"},
                       {"documents": "lam"}, {"collections": "hr"}, {"collections": []},
                       {"documents": [[]]}, {"documents": [-1]}):  # fmt: skip
            status, why = found(**limits)
            assert status == 400
            assert "pay.txt" not in why


@pytest.mark.parametrize(
    ("params", "content"),
    [
        ({}, b"text"), ({"name": "a.exe"}, b"text"), ({"name": "/"}, b"text"),
        ({"name": "a.txt"}, b""),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(served, params, content):
    with client_of(served) as client:
        answer = client.post("/api/v1/documents", params=params, content=content)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]


def test_sizes_and_numbers_are_bounded(served):
    with client_of(served) as client:
        name = {"name": "a.txt"}
        large = client.post("/api/v1/documents", params=name, content=b"x" * 1_000_001)
        assert large.status_code == 413
        assert large.json()["error"]["code"] == "request_too_large"
        for limit in ("0", "501", "-1", "x", "9" * 30):
            listed = client.get("/api/v1/documents", params={"limit": limit})
            assert listed.status_code == 400
        for number in ("0", "-1", "x", "9" * 19, "9" * 40, "1.5", "%00"):
            assert client.get(f"/api/v1/documents/{number}").status_code == 404
        for wrong in ({"question": 7}, {"question": "a", "top_k": 0}, {"question": ""}, {}):
            assert client.post("/api/v1/search", json=wrong).status_code == 400
