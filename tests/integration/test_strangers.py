"""What a stranger can send: files, addresses, large and slow bodies. Nothing of it stops a server."""

from __future__ import annotations

import http.server
import json
import os
import socket
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.requests import HTTPConnection

from app.access import bodies, events, sessions
from app.access.bodies import SMALL_BYTES
from pipelines.store import document_list
from tests import matrix
from tests.serving_app import listening

PATHS = ["/etc/shadow", "/proc/self/environ", "file:///etc/passwd"]
# Reading it never ends: tried only once the others have been refused.
ENDLESS = "/dev/zero"
JOIN = "/gradio_api/queue/join"


@pytest.fixture(scope="module")
def served(module_dsn, tiny_model, tmp_path_factory):
    """An open chat, admin pages with a password, uploads of at most 1 MB."""
    home = tmp_path_factory.mktemp("home")
    settings = {"admin_password": "a", "max_upload_mb": 1}
    with listening(module_dsn, tiny_model, home, **settings) as started:
        yield started


@pytest.fixture
def listener():
    """A server that nobody should contact, with the requests that it got."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    yield f"http://127.0.0.1:{server.server_port}/x", asked
    server.shutdown()
    server.server_close()


def admin(served):
    return served.app.state.access.start("admin-password", "admin")


def passing(served) -> Path:
    return Path(os.environ["GRADIO_TEMP_DIR"])


def file_of(path, **more):
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


def event(served, mount, cookie, value, session=None):
    """A body for the mount's first event with a text or file input, which carries a value there."""
    kinds = {"/admin": "file", "": "textbox"}
    told = matrix.config(served, mount, cookie)
    wanted = {c["id"] for c in told["components"] if c["type"] == kinds[mount]}
    for one in told["dependencies"]:
        if one["backend_fn"] and wanted & set(one["inputs"]):
            data = [value if i in wanted else None for i in one["inputs"]]
            return {
                "fn_index": one["id"], "data": data, "session_hash": session or uuid4().hex,
                "event_data": None, "trigger_id": one["targets"][0][0],
            }  # fmt: skip
    raise AssertionError("no event has such an input")


def kept(served):
    """Files that came into the upload folder."""
    return [path for path in passing(served).rglob("*") if path.is_file()]


@pytest.mark.parametrize("mount", ["", "/admin"])
def test_no_event_names_a_file_or_an_address(served, mount, listener):
    """The guard refuses it before Gradio sees it, in any spelling and at any position."""
    address, asked = listener
    cookie = admin(served) if mount else ""
    forms = [file_of(path) for path in [*PATHS, address, "../../etc/passwd", "", "\x00", 7]]
    forms += [file_of("/etc/passwd", url=address), file_of("/etc/shadow", is_stream=True)]
    forms += [{"a": [{"b": file_of("/etc/shadow")}]}, {"path": "/etc/passwd", "meta": "x"}]
    with served.client(cookie) as client:
        for value in forms:
            body = event(served, mount, cookie, [value])
            assert client.post(mount + JOIN, json=body).status_code == 400, value
            body = event(served, mount, cookie, None)
            assert (
                client.post(mount + JOIN, json={**body, "event_data": {"v": value}}).status_code
                == 400
            )
            assert client.post(mount + "/gradio_api/reset", json={"v": value}).status_code == 400
        raw = json.dumps(event(served, mount, cookie, [file_of("/etc/shadow")]))
        for spelling in (
            raw.replace("gradio", "\\u0067radio"),
            raw.replace('"path"', '"\\u0070ath"'),
        ):
            for kind in ("application/json", "text/plain", ""):
                answer = client.post(mount + JOIN, content=spelling, headers={"content-type": kind})
                assert answer.status_code == 400
        endless = event(served, mount, cookie, [file_of(ENDLESS)])
        assert client.post(mount + JOIN, json=endless).status_code == 400
        assert client.get("/healthz").status_code == 200
    assert (kept(served), asked) == ([], [])


@pytest.mark.parametrize("mount", ["", "/admin"])
def test_gradio_itself_refuses_files_that_nobody_uploaded(served, mount, monkeypatch, listener):
    """With the guard's check gone: fails when Gradio no longer asks whether an app has launched."""
    monkeypatch.setattr(events, "_of_values", lambda *_, **__: None)
    monkeypatch.setattr(events, "_of_input", lambda *_: None)
    cookie = admin(served) if mount else ""
    with served.client(cookie) as client:
        for path in PATHS:
            session = uuid4().hex
            body = event(served, mount, cookie, file_of(path), session)
            if mount:
                body = event(served, mount, cookie, [file_of(path)], session)
            assert client.post(mount + JOIN, json=body).status_code == 200
            (outcome,) = matrix.outcomes(client, mount, session)
            assert not outcome["success"], outcome
            assert kept(served) == []
        session = uuid4().hex
        body = event(served, mount, cookie, file_of(ENDLESS), session)
        client.post(mount + JOIN, json=body)
        list(matrix.outcomes(client, mount, session))
        assert client.get("/healthz").status_code == 200


def test_an_upload_can_be_used_and_lies_where_nobody_else_reads(served):
    """A fresh upload passes the same check. Its folder is inside the data folder."""
    cookie, folder = admin(served), passing(served)
    with served.client(cookie) as client:
        (path,) = client.post(bodies.UPLOAD, files={"files": ("a.txt", b"Some words.")}).json()
        session = uuid4().hex
        body = event(served, "/admin", cookie, [file_of(path, orig_name="a.txt", size=11)], session)
        assert client.post("/admin" + JOIN, json=body).status_code == 200
        assert all(outcome["success"] for outcome in matrix.outcomes(client, "/admin", session))
        (path,) = client.post(bodies.UPLOAD, files={"files": ("b.txt", b"Other words.")}).json()
        body["data"] = [[file_of(path)] if value else "papers" for value in body["data"]]
        assert client.post("/admin" + JOIN, json=body).status_code == 200
        assert all(outcome["success"] for outcome in matrix.outcomes(client, "/admin", session))
    with served.services.pool.connection() as conn:
        assert document_list.collections(conn) == ["default", "papers"]
    assert folder.parent == served.services.settings.home / "tmp"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Path(path).is_relative_to(folder)


POSTS = [JOIN, "/login", "/logout", "/gradio_api/cancel", "/gradio_api/reset", "/nothing"]


@pytest.mark.parametrize("path", POSTS)
def test_large_bodies_are_refused(served, path):
    """As JSON, form and multipart, with and without an announced length."""
    large = b"x" * (SMALL_BYTES + 1)
    with served.client() as client:
        answers = [
            client.post(path, content=large),
            client.post(path, content=iter([large])),  # chunked
            client.post(path, data={"password": large.decode()}),
            client.post(path, files={"password": large}),
            client.post(path, json={"data": large.decode()}),
        ]
        assert [answer.status_code for answer in answers] == [413] * len(answers)
        assert "64 kB" in answers[0].json()["detail"]
        assert client.get("/healthz").status_code == 200


def test_long_addresses_and_headers_are_refused(served):
    """Before anything looks at them."""
    with served.client() as client:
        assert client.get("/?" + "x" * 9000).status_code == 414
        assert client.get("/healthz", headers={"x-long": "x" * 40_000}).status_code == 431
        assert client.get("/healthz", headers={"x-long": "x" * 9_000}).status_code == 200


def raw(served, text: bytes, rest: bytes = b"", *, wait_s: float = 25) -> bytes:
    """What the server says to bytes as they are."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait_s) as connection:
        connection.sendall(text.replace(b"\n", b"\r\n"))
        if rest:
            connection.sendall(rest)
        return connection.recv(4096)


def test_a_length_that_is_not_true_changes_nothing(served):
    """More is announced than sent, or less. The announcement alone is reason enough."""
    huge = b"POST /login HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 900000000000\n\n"
    assert raw(served, huge, b"x").startswith(b"HTTP/1.1 413")
    less = b"POST /login HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 1\n\n"
    assert not raw(served, less, b"x" * 200_000).startswith(b"HTTP/1.1 5")
    both = b"POST /login HTTP/1.1\nHost: x\nContent-Length: 1\nTransfer-Encoding: chunked\n\n"
    assert not raw(served, both, b"fffff\r\n" + b"x" * 200_000).startswith(b"HTTP/1.1 2")
    with served.client() as client:
        assert client.get("/healthz").status_code == 200


def test_a_body_that_never_ends_is_given_up(served, monkeypatch):
    """A client that announces a body and sends none waits no longer than the limit."""
    monkeypatch.setattr(bodies, "WAIT_S", 0.3)
    monkeypatch.setattr(bodies, "LINGER_S", 0.1)
    slow = b"POST /login HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 100\n\n"
    started = time.monotonic()
    assert raw(served, slow, b"x").startswith(b"HTTP/1.1 408")
    assert time.monotonic() - started < 25


def test_an_uploads_limit_counts_while_it_streams(served, monkeypatch):
    """
    Nothing beyond it is kept, with or without an announced length. The limit of one file applies
    too.
    """
    cookie, before = admin(served), kept(served)
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'

    def body(megabytes):
        yield head
        for _ in range(megabytes):
            yield b"x" * 1_000_000
        yield b"\r\n--b--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=b"}
    with served.client(cookie) as client:
        one = client.post(bodies.UPLOAD, content=body(3), headers=headers)
        assert one.status_code == 413
        told = client.post(bodies.UPLOAD, content=b"".join(body(30)), headers=headers)
        assert told.status_code == 413
        # Many files, each small enough.
        files = [("files", (f"{n}.txt", b"x" * 900_000)) for n in range(30)]
        assert client.post(bodies.UPLOAD, files=files).status_code == 413
    assert kept(served) == before


def test_texts_are_measured_on_the_server(served):
    """One more character than the page would let anybody type is refused, in a sentence."""
    with served.client() as client:
        body = event(served, "", "", "x" * 4001)
        refused = client.post(JOIN, json=body)
        assert refused.status_code == 400
        assert "4,000 characters" in refused.json()["detail"]
        assert client.post(JOIN, json=event(served, "", "", "x" * 4000)).status_code == 200
        for odd in ("\ud800", "a\x00b"):
            raw = json.dumps(event(served, "", "", odd))
            answer = client.post(JOIN, content=raw, headers={"content-type": "application/json"})
            assert answer.status_code == 400


def test_a_stream_is_for_the_visitor_who_began_it(served):
    """Another visitor who knows the session's hash reads nothing, cancels nothing, joins nothing."""
    session = uuid4().hex
    with served.client() as owner, served.client() as other, served.client() as bare:
        for client in (owner, other):
            client.get("/")
        body = event(served, "", "", "Where do boats moor?", session)
        assert owner.post(JOIN, json=body).status_code == 200
        reading = {"session_hash": session}
        for client in (other, bare):
            assert client.get("/gradio_api/queue/data", params=reading).status_code == 403
            assert client.get(f"/gradio_api/heartbeat/{session}").status_code == 403
            assert client.post(JOIN, json=body).status_code == 403
            cancel = {"session_hash": session, "event_id": "x", "fn_index": 0}
            assert client.post("/gradio_api/cancel", json=cancel).status_code == 403
        assert [outcome["success"] for outcome in matrix.outcomes(owner, "", session)]


def test_owners_of_sessions_are_forgotten_in_time(monkeypatch):
    """The longest unused first, so that nobody can fill the memory."""
    monkeypatch.setattr(sessions, "MOST", 3)
    known = sessions.Sessions()

    def asker(token):
        cookie = f"attune_visitor={token * 40}".encode()
        return HTTPConnection({"type": "http", "headers": [(b"cookie", cookie)]})

    assert all(known.belongs(asker("a"), f"s{n}") for n in range(4))
    assert not known.belongs(asker("b"), "s3")
    assert known.belongs(asker("b"), "s0")
    monkeypatch.setattr(sessions, "FORGOTTEN_AFTER_S", 0)
    assert known.belongs(asker("b"), "s3")


MARK = "sentinel-of-a-client"


def malformed(served):
    """Bodies for the chat's events that no page sends."""
    told = matrix.config(served, "", "")
    odd = [None, [], {}, -1, 10**30, 1e308, True, MARK, [MARK], {"a": MARK}, {"index": MARK}]
    odd += [{"index": [1, MARK]}, {"index": 99, "value": {"x": MARK}}, [[[[MARK]]]]]
    for _, body in matrix.events(told, uuid4().hex):
        for value in odd:
            yield json.dumps({**body, "event_data": value})
            yield json.dumps({**body, "data": [value for _ in body["data"]]})
            yield json.dumps({**body, "data": value})
    for name in ("fn_index", "session_hash", "trigger_id", "data", "event_data", MARK):
        yield json.dumps({name: MARK})
    yield from ("", "x", "[" * 9000, "{" * 9000, '{"a":' * 60 + "1" + "}" * 60, "\x00", "NaN")


@pytest.mark.long
def test_malformed_requests_leave_little_in_the_log(served, caplog, capfd):
    """No traceback, nothing that a client sent, and no more than a short line for each place."""
    with served.client() as client:
        count = 0
        for body in malformed(served):
            headers = {"content-type": "application/json"}
            answer = client.post(JOIN, content=body, headers=headers)
            assert answer.status_code < 500 or "full" in answer.text, (body, answer.text)
            count += 1
            if count % 50 == 0:  # let the queue empty itself
                time.sleep(0.2)
        for path in ("/conversations/x.md", f"/conversations/{'0' * 32}.x", "/login/callback?code=x",
                     "/%00", "/%ff", "/login?next=%00", f"/?chat={MARK}", "/gradio_api/queue/data"):  # fmt: skip
            assert client.get(path).status_code < 500, path
        time.sleep(1)
        assert client.get("/healthz").status_code == 200
    said = caplog.text + "".join(capfd.readouterr())
    assert count > 200
    assert "Traceback" not in said
    assert MARK not in said
    assert len(said.splitlines()) < 40
    assert max(map(len, said.splitlines()), default=0) < 300


def test_every_text_field_has_a_limit(served):
    """Of both pages: the field's own, else a common one."""
    for mount, cookie in (("", ""), ("/admin", admin(served))):
        told = matrix.config(served, mount, cookie)
        texts = {c["id"]: c["props"] for c in told["components"] if c["type"] == "textbox"}
        tried = 0
        with served.client(cookie) as client:
            for name, body in matrix.events(told, "s"):
                inputs = next(
                    d["inputs"] for d in told["dependencies"] if d["id"] == body["fn_index"]
                )
                for place, i in enumerate(inputs):
                    if i in texts:
                        most = texts[i].get("max_length") or events.TEXT_CHARS
                        data = [*body["data"]]
                        data[place] = "x" * (most + 1)
                        answer = client.post(mount + JOIN, json={**body, "data": data})
                        assert answer.status_code == 400, name
                        tried += 1
        assert tried > 3
