"""Behind a connection pooler in transaction mode: told in a sentence, or everything works."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.actions import retrain, versions
from app.services import open_services
from app.settings import Settings
from pipelines.errors import NotReadyError
from pipelines.store import db, improvements, poolers
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import build_tiny_model
from tests.pgbouncer import pooled
from tests.serving import serving


def test_only_transaction_mode_shares_sessions(dsn):
    """A direct connection and a pooler in session mode are used as they are."""
    assert not poolers.shares_sessions(dsn)
    with pooled(dsn, "session") as address:
        assert not poolers.shares_sessions(address)
    with pooled(dsn) as address:
        assert poolers.shares_sessions(address)


def test_a_pooler_without_a_direct_address_is_refused_in_a_sentence(dsn, tmp_path, tiny_model):
    """Also where the direct address leads to the pooler."""
    with pooled(dsn) as address:
        given = {"home": tmp_path, "base_model": str(tiny_model), "DATABASE_URL": address}
        with (
            pytest.raises(NotReadyError, match="DATABASE_URL leads to a connection pooler"),
            open_services(Settings(**given)),
        ):
            pass
        with (
            pytest.raises(NotReadyError, match="ATTUNE_DIRECT_DATABASE_URL leads to"),
            open_services(Settings(direct_database_url=address, **given)),
        ):
            pass


def test_a_version_is_built_and_swapped_through_a_pooler(dsn, tmp_path, tiny_model):
    """Many questions by several threads meet statements that the driver would prepare."""
    with pooled(dsn) as address:
        given = {"base_model": str(tiny_model), "DATABASE_URL": address, "direct_database_url": dsn}
        with open_services(Settings(home=tmp_path, **given)) as services:
            with services.pool.connection() as conn:
                add_document(conn, services.replica.current(), "one", made.passages(30))
            services.replica.start()

            def ask(number: int) -> str:
                with services.replica.question() as handle:
                    return services.answerer.ask(made.passages(30)[number], handle=handle).kind

            with ThreadPoolExecutor(8) as threads:
                kinds = list(threads.map(ask, [n % 30 for n in range(120)]))
            assert set(kinds) <= {"extracts", "not_found"}, set(kinds)
            larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
            made.register(services.pool, larger, "v1", tmp_path / "models")
            after = retrain.promote(services, "v1", who="test", override="It is a test.")
            assert versions.wait_followed(services, after.epoch)
            with improvements.alone(services.pool), services.pool.connection() as conn:
                alive = "select count(*) from pg_stat_activity where application_name = %s"
                assert conn.execute(alive, (db.PROCESS,)).fetchone()[0] > 0


def test_a_server_and_its_worker_run_behind_a_pooler(dsn, tiny_model, tmp_path):
    """Real processes: a job is done, and the log has no fault."""
    text = tmp_path / "ferry.txt"
    text.write_text("The ferry to the island leaves at nine from the second pier. " * 5)
    with (
        pooled(dsn) as address,
        serving(
            worker=True, DATABASE_URL=address, ATTUNE_DIRECT_DATABASE_URL=dsn,
            ATTUNE_BASE_MODEL=str(tiny_model), ATTUNE_DEVICE="cpu",
        ) as there,
    ):  # fmt: skip
        assert there.run("ingest", str(text)).returncode == 0
        assert there.run("ask", "When does the ferry leave?").returncode == 0
        for _ in range(20):  # more often than the driver waits before it prepares
            assert httpx.get(f"{there.url}/readyz", timeout=60).status_code == 200
        assert "unexpected fault" not in there.log
        assert "does not exist" not in there.log
