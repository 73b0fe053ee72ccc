"""Commands on another machine's Attune, by its API: no database and no model here."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.actions import keys
from app.actions.ingest import open_ingester
from app.actions.keys import KeyWish
from app.cli.asking.remote import Remote
from pipelines.errors import AccessError, InputError, NotReadyError
from pipelines.indexing import queued
from tests.serving_app import forget_everything, listening

TEXT = "A night at the visitors' pier costs nine pounds. " * 5
# Nothing is emptied while it is written to.
AT_WORK = threading.Lock()


@pytest.fixture(scope="module")
def started(module_dsn, tiny_model, tmp_path_factory):
    """A server, and a thread that indexes as its worker would."""
    with listening(module_dsn, tiny_model, tmp_path_factory.mktemp("there")) as started:
        ended = threading.Event()

        def work() -> None:
            with open_ingester(started.services) as ingester:
                while not ended.wait(0.2):
                    with AT_WORK:
                        with started.services.pool.connection() as conn:
                            rows = conn.execute("select id from document where status = 'queued'")
                            waiting = [row[0] for row in rows]
                        if waiting:
                            queued.index(started.services.pool, ingester, waiting)

        thread = threading.Thread(target=work)
        thread.start()
        yield started
        ended.set()
        thread.join()


@pytest.fixture
def served(started):
    """The server, without documents."""
    with AT_WORK:
        forget_everything(started.services)
    return started


@pytest.fixture
def away(served, monkeypatch, tmp_path, run_command):
    """Runs a command with a key for the server. Any use of a database here would fail."""

    def run(*arguments, scopes=("ask", "ingest")):
        key = keys.make(served.services, KeyWish("cli", scopes), who="test")
        monkeypatch.setenv("ATTUNE_URL", served.url + "/")
        monkeypatch.setenv("ATTUNE_KEY", key)
        monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
        monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "here"))
        return run_command(*arguments)

    yield run
    assert not (tmp_path / "here").exists()


def test_files_are_sent_asked_listed_and_deleted(away, tmp_path):
    (tmp_path / "pier.txt").write_text(TEXT)
    (tmp_path / "empty.txt").touch()
    code, out, err = away(
        "ingest", str(tmp_path / "pier.txt"), str(tmp_path / "empty.txt"), "--json"
    )
    told = {one["name"].rsplit("/")[-1]: one for one in json.loads(out)["files"]}
    assert (code, told["pier.txt"]["status"], told["empty.txt"]["status"]) == (
        10,
        "indexed",
        "failed",
    )
    assert "empty" in told["empty.txt"]["reason"]
    code, out, _ = away("ask", "What does a night at the pier cost?")
    assert (code, "nine pounds" in out, "[1] pier.txt" in out) == (0, True, True)
    code, out, _ = away("ask", "What does a night at the pier cost?", "--json")
    assert "nine pounds" in json.loads(out)["answer"]
    code, out, _ = away("documents", "list", "--search", "PIER")
    assert (code, "indexed  pier.txt  (default)" in out) == (0, True)
    number = str(told["pier.txt"]["id"])
    assert "indexed" in away("documents", "show", number)[1]
    assert away("documents", "delete", number, "--yes")[0] == 0
    code, _, err = away("documents", "show", number)
    assert (code, "no such" in err) == (2, True)


def test_two_files_of_one_name_do_not_replace_each_other(away, served, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.txt").write_text(TEXT + folder)
    code, out, _ = away("ingest", "-r", str(tmp_path / "a"), str(tmp_path / "b"))
    assert (code, out.count("indexed"), "another file of this name" in out) == (10, 1, True)


@pytest.mark.parametrize(
    ("arguments", "scopes", "code", "said"),
    [
        (("ask", "x", "--collection", "nowhere"), ("ask",), 2, "nowhere"),
        (("documents", "list"), ("ask",), 7, "needs the scope ingest"),
        (("ask", "x", "--top-k", "3"), ("ask",), 2, "--top-k"),
        (("documents", "show", "99"), ("ingest",), 2, "no such"),
    ],
)
def test_refusals_say_why_with_the_exit_code_of_their_kind(away, arguments, scopes, code, said):
    got, _, err = away(*arguments, scopes=scopes)
    assert (got, said in err) == (code, True), err


@pytest.mark.parametrize("url", ["docs.example.org", "ftp://x", "http://u:p@x", "http://"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InputError, match="ATTUNE_URL"):
        Remote(url, "attune-key")


def test_a_key_is_needed_and_never_shown():
    with pytest.raises(InputError, match="ATTUNE_KEY"):
        Remote("http://x", "")
    assert "attune-secret" not in repr(Remote("http://x", "attune-secret"))
    with pytest.raises(NotReadyError) as told:
        Remote("http://127.0.0.1:1", "attune-secret").call("GET", "/documents")
    assert "attune-secret" not in str(told.value)


@pytest.fixture
def strange(monkeypatch):
    """A server that answers with what a test says, and notes what it was asked."""
    asked, replies = [], []
    monkeypatch.setattr(
        "app.cli.asking.remote.time.sleep", lambda seconds: asked.append(f"slept {seconds:g}")
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers.get("authorization"))
            status, headers, body = replies.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Remote(f"http://127.0.0.1:{server.server_port}", "attune-k"), replies, asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_busy_server_is_asked_again_after_the_time_it_names(strange):
    there, replies, asked = strange
    replies += [(429, {"retry-after": "3"}, b"{}"), (200, {}, b'{"a": 1}')]
    assert there.call("GET", "/x") == {"a": 1}
    assert asked == ["Bearer attune-k", "slept 3", "Bearer attune-k"]


def test_a_redirect_takes_the_key_nowhere(strange):
    there, replies, asked = strange
    replies += [(302, {"location": f"{there.url}/elsewhere"}, b"")]
    with pytest.raises(NotReadyError, match="does not answer as Attune"):
        there.call("GET", "/x")
    assert len(asked) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b'{"error": 7}'])
def test_another_server_is_told_from_attune(strange, body):
    there, replies, _ = strange
    replies += [(500, {}, body)]
    with pytest.raises(NotReadyError, match="does not answer as Attune"):
        there.call("GET", "/x")


def test_a_refused_key_is_no_fault_of_the_request(strange):
    there, replies, _ = strange
    replies += [(401, {}, b'{"error": {"message": "This key has expired."}}')]
    with pytest.raises(AccessError, match="expired"):
        there.call("GET", "/x")
