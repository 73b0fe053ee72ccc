"""The database goes away for a moment: requests wait for it, or are told so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from pydantic import SecretStr

from app.actions import keys
from app.actions.keys import KeyWish
from pipelines.store import db
from tests.pgbouncer import PGBOUNCER, Pooler
from tests.serving_app import listening
from tests.workers import until


def test_a_transaction_that_loses_its_connection_is_done_again_once(pool):
    """Another one that is lost is a fault."""
    tries = []

    def lose(conn, times):
        tries.append(conn)
        if len(tries) <= times:
            with pool.connection() as other:
                other.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
        return conn.execute("select 7").fetchone()

    assert db.transact(pool, lambda conn: lose(conn, 1)) == (7,)
    assert len(tries) == 2
    tries.clear()
    with pytest.raises(psycopg.OperationalError):
        db.transact(pool, lambda conn: lose(conn, 2))


@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")
def test_requests_wait_for_the_database_or_are_told(dsn, tiny_model, tmp_path):
    """A short outage is not noticed. A longer one is no fault of the server."""
    pooler = Pooler(dsn)
    pooler.start()
    given = {"direct_database_url": SecretStr(dsn), "device": "cpu"}
    with (
        listening(pooler.address, tiny_model, tmp_path, **given) as served,
        ThreadPoolExecutor(1) as threads,
    ):
        key = keys.make(served.services, KeyWish("program", ["ask"], per_minute=0), who="test")
        client = served.client(authorization=f"Bearer {key}")

        def ask():
            return client.post("/api/v1/ask", json={"question": "When does the ferry leave?"})

        assert ask().status_code == 200
        pooler.kill()
        waiting = threads.submit(ask)
        pooler.start()
        assert waiting.result().status_code == 200
        pooler.kill()
        lost = ask()
        assert (lost.status_code, lost.headers["retry-after"]) == (503, "5")
        assert "database does not answer" in lost.json()["error"]["message"]
        pooler.start()
        until(lambda: ask().status_code == 200)
    pooler.close()
