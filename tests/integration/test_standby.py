"""Searches read a real standby while it shows what they need, and the primary otherwise."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from app import doctor
from app.actions import retrain, versions
from app.services import open_services
from app.settings import Settings
from pipelines.errors import InputError
from pipelines.store.standby import searches
from tests import versions as made
from tests.corpus import add_document
from tests.fakes import build_tiny_model
from tests.standby import standby_of
from tests.workers import until


@pytest.fixture(scope="module")
def standby(postgres):
    with standby_of(postgres) as server:
        yield server


@pytest.fixture
def services(dsn, standby, tiny_model, tmp_path):
    """A process that follows, on a database with one document."""
    settings = Settings(
        home=tmp_path, DATABASE_URL=dsn, base_model=str(tiny_model), device="cpu", threads=1,
        read_database_url=SecretStr(standby.dsn(str(conninfo_to_dict(dsn)["dbname"]))),
    )  # fmt: skip
    with open_services(settings) as opened:
        with opened.pool.connection() as conn:
            add_document(conn, opened.replica.current(), "one", made.passages(20))
        opened.replica.start()
        yield opened


def counted():
    """Searches so far, by who answered and why."""
    return {
        (sample.labels["database"], sample.labels["reason"]): sample.value
        for sample in searches.collect()[0].samples
        if sample.name.endswith("_total")
    }


def ask(services, text=None):
    """Ask a question, and return who answered it, why, and the passages."""
    before = counted()
    with services.replica.question() as handle:
        answer = services.answerer.ask(text or made.passages(20)[3], handle=handle)
        assert answer.epoch == handle.epoch
    (who,) = [key for key, count in counted().items() if count > before.get(key, 0)]
    return who, [hit.text for hit in answer.passages]


def until_by(services, *who):
    """Ask until it is answered so. Every answer on the way has the passage."""

    def answered():
        by, texts = ask(services)
        assert made.passages(20)[3] in texts
        return by == who

    until(answered)


def _finds(services, wanted):
    by, texts = ask(services, wanted)
    return by == ("standby", "") and wanted in texts


def test_a_search_reads_the_standby(services):
    """It finds what the primary has, once that is replayed."""
    until_by(services, "standby", "")
    with services.pool.connection() as conn:
        add_document(conn, services.replica.current(), "two", made.passages(1, of="later"))
    (wanted,) = made.passages(1, of="later")
    until(lambda: _finds(services, wanted))
    (check,) = [one for one in doctor.examine_services(services) if one.name == "standby"]
    assert check.state == "ok", check


def test_a_standby_before_the_switch_is_not_read(services, standby, tmp_path):
    """Its table has no vectors of the version that serves. Nothing is mixed, and nothing fails."""
    until_by(services, "standby", "")
    larger = build_tiny_model(tmp_path / "larger", dimension=48, seed=1)
    made.register(services.pool, larger, "v1", tmp_path / "models")
    with standby.paused():
        after = retrain.promote(services, "v1", who="test", override="It is a test.")
        assert versions.wait_followed(services, after.epoch)
        until_by(services, "primary", "epoch")
    until_by(services, "standby", "")
    assert services.replica.current().epoch == after.epoch


def test_a_standby_too_far_behind_is_not_read(services, standby):
    until_by(services, "standby", "")
    with standby.paused():
        until_by(services, "primary", "lag")
    until_by(services, "standby", "")


def test_without_the_standby_the_primary_answers(services, standby):
    """It crashes, and comes back."""
    until_by(services, "standby", "")
    standby.stop()
    try:
        assert ask(services)[0] in (("primary", "down"), ("primary", "slow"))
        (check,) = [one for one in doctor.examine_services(services) if one.name == "standby"]
        assert check.state == "warning", check
    finally:
        standby.start()
    until_by(services, "standby", "")


def test_a_standby_that_hangs_holds_up_no_question(services, standby):
    until_by(services, "standby", "")
    with standby.frozen():
        assert ask(services)[0] == ("primary", "slow")
        assert ask(services)[0][0] == "primary"
    until_by(services, "standby", "")


def test_a_mistyped_address_is_told(dsn, tmp_path, tiny_model):
    """So is one without a primary, before anything starts."""
    given = {"home": tmp_path, "base_model": str(tiny_model)}
    mistyped = Settings(
        DATABASE_URL=dsn, read_database_url=SecretStr("postgresql://u:p@x@h/n"), **given
    )
    with (
        pytest.raises(InputError, match="ATTUNE_READ_DATABASE_URL cannot be read"),
        open_services(mistyped),
    ):
        pass
    alone = Settings(read_database_url=SecretStr("postgresql://h/n"), **given)
    with (
        pytest.raises(InputError, match="ATTUNE_READ_DATABASE_URL needs DATABASE_URL"),
        open_services(alone),
    ):
        pass
    assert not (tmp_path / "db").exists()
